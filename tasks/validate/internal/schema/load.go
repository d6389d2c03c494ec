package schema

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/redact"
)

// A Loader returns the schema at a URI without fragment, and the name of its file
// for messages.
type Loader func(uri string) (data []byte, name string, err error)

// maxSchema is how large the file of a schema may be.
const maxSchema = 8 << 20

// errOutside is why a reference is refused.
var errOutside = errors.New("only files in the folder of the schema can be referred to, never the network")

// CompileFile reads the schema of a file, in JSON or YAML. Its error joins a
// [*diag.Error] for each problem; it wraps that of the file system if the file cannot
// be read.
func CompileFile(name string) (*Schema, error) {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // nothing was written
	data, err := readIn(folder, filepath.Base(name))
	if err != nil {
		return nil, err
	}
	return Compile(name, data, Options{Load: func(uri string) ([]byte, string, error) {
		rest, ok := strings.CutPrefix(uri, local)
		if !ok {
			return nil, "", errOutside
		}
		data, err := readIn(folder, filepath.FromSlash(rest))
		return data, filepath.Join(filepath.Dir(name), rest), err
	}})
}

func readIn(folder *os.Root, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, maxSchema+1))
	if err == nil && len(data) > maxSchema {
		err = errors.New("larger than 8 MiB")
	}
	return data, err
}

// local is the URI of the folder of the schema that is compiled.
const local = "local:///"

// parseURI parses a URI without fragment, or a reference relative to base.
func parseURI(base *url.URL, ref string) (*url.URL, bool) {
	u, err := redact.ParseURL(ref)
	if err != nil {
		return nil, false
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	return u, true
}

// beside returns the local URI of a schema that names itself by $id, and others
// relative to that: what is beside it there is beside its file, too.
func beside(id, uri *url.URL) (string, bool) {
	if id.Host != uri.Host || id.Scheme != uri.Scheme {
		return "", false
	}
	rest, ok := strings.CutPrefix(uri.Path, path.Dir(id.Path)+"/")
	if path.Dir(id.Path) == "/" {
		rest, ok = strings.CutPrefix(uri.Path, "/")
	}
	return local + rest, ok && rest != ""
}

// parse reads the text of a schema.
func parse(name string, data []byte) (*document.Node, error) {
	format := document.FormatOf(name)
	if format != document.YAML {
		format = document.JSON
	}
	documents, findings := document.Parse(format, data, document.Options{Templates: true})
	for _, f := range findings {
		if documents == nil || f.Code == "duplicate-key" {
			f.File = name
			return nil, f
		}
	}
	if len(documents) != 1 {
		return nil, &diag.Error{Position: diag.Position{File: name}, Message: "want one document"}
	}
	return documents[0], nil
}
