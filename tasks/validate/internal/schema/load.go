package schema

import (
	"errors"
	"io"
	"io/fs"
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

// maxSchema is the maximum size of a schema file in bytes.
const maxSchema = 8 << 20

// errOutside is the error for a reference outside of the directory.
var errOutside = errors.New("inith never reads the network: put a copy of the file beside the schema")

// CompileFile reads a schema file in JSON or YAML. Its error joins a [*diag.Error] for each problem, and wraps that
// of the file system if the file cannot be read.
func CompileFile(name string) (*Schema, error) {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	data, err := readIn(dir, filepath.Base(name))
	if err != nil {
		return nil, unreadable(name, err)
	}
	d := &directory{root: dir, path: filepath.Dir(name), ids: map[string]string{}}
	return Compile(name, data, Options{Load: d.load})
}

// unreadable says why a schema file cannot be read. The error of the system would name the call and only the base
// name.
func unreadable(name string, err error) error {
	message := "the file cannot be read"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		message = "the file does not exist"
	case errors.Is(err, fs.ErrPermission):
		message = "the file cannot be read: permission denied"
	}
	return &diag.Error{Position: diag.Position{File: name}, Message: message, Err: err}
}

func readIn(dir *os.Root, name string) ([]byte, error) {
	f, err := dir.Open(name)
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

// local is the URI of the directory of the schema.
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

// beside returns the local URI of a schema that is referred to relative to an $id: what is next to the $id is next to
// the file too.
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

// parse parses a schema.
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
