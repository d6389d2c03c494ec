package schema

import (
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// Options control how a schema is compiled. The zero value reads no other files.
type Options struct {
	Load  Loader // nil if there is nothing but the schema
	Draft Draft  // of a schema without $schema
}

// A subschema is a compiled schema.
type subschema struct {
	resource *resource
	never    bool // false, which nothing is valid for
	keywords []keyword
}

// A keyword adds what it finds wrong with n to out.
type keyword func(e *evaluation, n *document.Node, at *trail, out *outcome)

type compiler struct {
	options    Options
	resources  map[string]*resource // by URI
	identities []*url.URL           // the $id of the roots of files
	owner      map[*document.Node]*resource
	compiled   map[*document.Node]*subschema
	errs       []error
}

// Compile compiles the text of a schema file. Its error joins a [*diag.Error] for each problem.
func Compile(name string, data []byte, o Options) (*Schema, error) {
	root, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	c := &compiler{
		options:   o,
		resources: map[string]*resource{},
		owner:     map[*document.Node]*resource{},
		compiled:  map[*document.Node]*subschema{},
	}
	uri := local + url.PathEscape(filepath.Base(name))
	c.addFile(name, uri, root)
	s := &Schema{root: c.compile(root, c.inner(c.resources[uri]))}
	for len(c.errs) == 0 && c.compileDynamic() {
		continue
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return s, nil
}

// compileDynamic compiles the targets of $dynamicRef and $recursiveRef that nothing else refers to. It reports whether there were any.
func (c *compiler) compileDynamic() bool {
	before := len(c.compiled)
	for _, r := range c.resources {
		for _, n := range r.dynamics {
			c.compile(n, r)
		}
		if r.recursive {
			c.compile(r.root, r)
		}
	}
	return len(c.compiled) > before
}

func (c *compiler) fail(r *resource, n *document.Node, message string) {
	e := &diag.Error{Position: n.Position(), Message: message}
	e.File = r.name
	c.errs = append(c.errs, e)
}

// compile compiles n, which belongs to r.
func (c *compiler) compile(n *document.Node, r *resource) *subschema {
	if s := c.compiled[n]; s != nil {
		return s
	}
	c.index(n, r)
	if owner := c.owner[n]; owner != nil {
		r = owner
	}
	s := &subschema{resource: r}
	c.compiled[n] = s
	switch n.Kind {
	case document.Bool:
		s.never = !isTrue(n)
		return s
	case document.Mapping:
	default:
		c.fail(r, n, "want a schema: a mapping, true or false")
		return s
	}
	st := &site{compiler: c, resource: r, schema: n, sub: s}
	if ref := n.Member("$ref"); ref != nil && r.draft <= Draft7 { // what is beside it is ignored
		st.add("$ref", ref)
		return s
	}
	for _, k := range keywords(r.draft) {
		if value := n.Member(k.name); value != nil {
			st.build(k, value)
		}
	}
	for _, m := range n.Members {
		if key := m.Key.Text; key == "$defs" || key == "definitions" {
			st.definitions(m.Value)
		}
	}
	return s
}

// A site is the place of a keyword in a schema.
type site struct {
	*compiler
	resource *resource
	schema   *document.Node
	sub      *subschema
}

func (s *site) add(name string, value *document.Node) {
	for _, k := range keywords(s.resource.draft) {
		if k.name == name {
			s.build(k, value)
		}
	}
}

func (s *site) build(k keywordKind, value *document.Node) {
	if built := k.build(s, k.name, value); built != nil {
		s.sub.keywords = append(s.sub.keywords, built)
	}
}

// wrong reports that the value of a keyword is invalid.
func (s *site) wrong(name string, value *document.Node, want string) keyword {
	s.fail(s.resource, value, name+": want "+want)
	return nil
}

// one compiles the schema in the value of a keyword.
func (s *site) one(value *document.Node) *subschema { return s.compile(value, s.resource) }

// listOf compiles the list of schemas in the value of a keyword.
func (s *site) listOf(name string, value *document.Node) []*subschema {
	if value.Kind != document.Sequence || len(value.Items) == 0 {
		s.wrong(name, value, "a list of schemas")
		return nil
	}
	var list []*subschema
	for _, item := range value.Items {
		list = append(list, s.one(item))
	}
	return list
}

// mapOf compiles the mapping of schemas in the value of a keyword.
func (s *site) mapOf(name string, value *document.Node) map[string]*subschema {
	if value.Kind != document.Mapping {
		s.wrong(name, value, "a mapping of schemas")
		return nil
	}
	all := map[string]*subschema{}
	for _, m := range value.Members {
		all[m.Key.Text] = s.one(m.Value)
	}
	return all
}

// definitions compiles the schemas that others may refer to. People keep other things there too.
func (s *site) definitions(value *document.Node) {
	for _, m := range value.Members {
		if m.Value.Kind == document.Mapping || m.Value.Kind == document.Bool {
			s.one(m.Value)
		}
	}
}

// texts returns the strings in the value of a keyword.
func (s *site) texts(name string, value *document.Node) []string {
	if value.Kind != document.Sequence {
		s.wrong(name, value, "a list of strings")
		return nil
	}
	var list []string
	for _, item := range value.Items {
		if item.Kind != document.String {
			s.wrong(name, item, "a string")
			continue
		}
		list = append(list, item.Text)
	}
	return list
}

// whyNot says why a file cannot be read, without its name.
func whyNot(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the file does not exist next to the schema"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, errOutside):
		return errOutside.Error()
	}
	return "the file cannot be read, or is not in the directory of the schema"
}
