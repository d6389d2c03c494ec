package validate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/lazyregexp"
)

// modelines name the schema of a file for editors: those of yaml-language-server and Taplo (TOML).
var modelines = lazyregexp.New(`(?m)^[ \t]*#(?:[ \t]*yaml-language-server:[ \t]*\$schema=|:schema[ \t]+)(\S+)`)

// ownSchema checks a file against the local schema that it names itself, for editors, unless a rule has one. A name on
// the network, and a file that does not exist, are for editors only.
func (s *session) ownSchema(ctx context.Context, r FileRule, format document.Format, data []byte, documents []*document.Node) []*diag.Error {
	hasSchema := slices.ContainsFunc(r.Checks, func(c Check) bool { _, ok := c.(Schema); return ok })
	if hasSchema || len(documents) == 0 {
		return nil
	}
	name, at := schemaName(format, data, documents)
	path, ok := localSchema(r.Path, name)
	if !ok {
		return nil
	}
	s.checked(r.Path, 1)
	own, err := CompileSchema(path)
	if err != nil {
		return []*diag.Error{{
			Position: diag.Position{File: r.Path, Line: at.Line, Column: at.Column}, Code: "schema",
			Message: "the schema that the file names cannot be used: " + diag.Flatten(err)[0].Error(),
		}}
	}
	problems, err := own.Check(ctx, Input{Path: r.Path, documents: withoutSchemaKey(documents)})
	if err != nil {
		s.fail(err)
	}
	var all []*diag.Error
	for _, p := range problems {
		all = append(all, p.diagnostic())
	}
	return all
}

// schemaName returns what a file says of its schema, and where: the key $schema, else a comment.
func schemaName(format document.Format, data []byte, documents []*document.Node) (string, diag.Position) {
	for _, root := range documents {
		if n := root.Member("$schema"); n != nil && n.Kind == document.String {
			return n.Text, n.Position()
		}
	}
	if format != document.YAML && format != document.TOML {
		return "", diag.Position{}
	}
	if m := modelines().FindSubmatchIndex(data); m != nil {
		return string(data[m[2]:m[3]]), diag.Position{Line: lineOf(data, m[2]), Column: 1}
	}
	return "", diag.Position{}
}

var isURI = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// localSchema returns the path of a schema that a file names, if it is a local file that exists.
func localSchema(path, name string) (string, bool) {
	name = strings.TrimSuffix(strings.Trim(name, `"'`), "#")
	name, isFile := strings.CutPrefix(name, "file://")
	if name == "" || !isFile && isURI().MatchString(name) {
		return "", false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
	}
	info, err := os.Stat(name)
	return name, err == nil && info.Mode().IsRegular()
}

// withoutSchemaKey returns the documents without $schema, which every schema allows in editors.
func withoutSchemaKey(documents []*document.Node) []*document.Node {
	all := make([]*document.Node, len(documents))
	for i, root := range documents {
		n := *root
		n.Members = slices.DeleteFunc(slices.Clone(n.Members), func(m document.Member) bool { return m.Key.Text == "$schema" })
		all[i] = &n
	}
	return all
}
