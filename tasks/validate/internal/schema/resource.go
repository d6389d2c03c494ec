package schema

import (
	"net/url"
	"strings"

	"github.com/inith/inith/internal/document"
)

// A draft is a version of JSON Schema.
type draft int

const (
	draft2020 draft = iota
	draft7
)

func draftOf(uri string) (draft, bool) {
	_, name, _ := strings.Cut(strings.TrimSuffix(uri, "#"), "://")
	switch name {
	case "json-schema.org/draft-07/schema":
		return draft7, true
	case "json-schema.org/draft/2020-12/schema":
		return draft2020, true
	}
	return draft2020, false
}

// A resource is a schema with a URI of its own: the root of a file, or a schema with an $id.
type resource struct {
	name     string // of its file
	uri      *url.URL
	draft    draft
	root     *document.Node
	anchors  map[string]*document.Node
	dynamics map[string]*document.Node // the anchors of $dynamicAnchor
}

func newResource(name string, uri *url.URL, d draft, root *document.Node) *resource {
	return &resource{name, uri, d, root, map[string]*document.Node{}, map[string]*document.Node{}}
}

// addFile indexes the URIs and anchors of the schemas in a file.
func (c *compiler) addFile(name, uri string, root *document.Node) {
	base, ok := parseURI(nil, uri)
	if !ok {
		base = &url.URL{}
	}
	d := draft2020
	if c.options.Draft7 {
		d = draft7
	}
	r := newResource(name, base, d, root)
	c.resources[uri] = r
	c.readDraft(r)
	c.index(root, r)
}

// readDraft sets the draft of a resource from its $schema, if it has one.
func (c *compiler) readDraft(r *resource) {
	value := r.root.Member("$schema")
	if value == nil {
		return
	}
	d, ok := draftOf(value.Text)
	if !ok {
		c.fail(r, value, "$schema: only drafts 7 and 2020-12 are known")
	}
	r.draft = d
}

// index finds the resources and anchors at and below a schema that belongs to r.
func (c *compiler) index(n *document.Node, r *resource) {
	if n.Kind != document.Mapping && n.Kind != document.Bool || c.owner[n] != nil {
		return
	}
	if r.draft != draft7 || n.Member("$ref") == nil {
		r = c.identify(n, r)
		r.addAnchors(n)
	}
	c.owner[n] = r
	for _, m := range n.Members {
		for _, sub := range subschemas(m.Key.Text, m.Value) {
			c.index(sub, r)
		}
	}
}

// identify returns the resource of n, which is a new one if n has an $id.
func (c *compiler) identify(n *document.Node, r *resource) *resource {
	id := n.Member("$id")
	if id == nil {
		return r
	}
	ref, anchor, _ := strings.Cut(id.Text, "#")
	if r.draft == draft7 && anchor != "" {
		c.owner[n] = r
		r.anchors[anchor] = n
	}
	if ref == "" {
		return r
	}
	uri, ok := parseURI(r.uri, ref)
	if id.Kind != document.String || !ok {
		c.fail(r, id, "$id: not a URI")
		return r
	}
	inner := newResource(r.name, uri, r.draft, n)
	if n == r.root && r.uri.Scheme == "local" {
		c.identities = append(c.identities, uri)
	}
	if n != r.root {
		c.readDraft(inner)
	}
	c.resources[uri.String()] = inner
	return inner
}

// addAnchors adds the anchors of a schema to its resource.
func (r *resource) addAnchors(n *document.Node) {
	if a := n.Member("$anchor"); a != nil {
		r.anchors[a.Text] = n
	}
	if a := n.Member("$dynamicAnchor"); a != nil {
		r.anchors[a.Text] = n
		r.dynamics[a.Text] = n
	}
}

// subschemas returns the schemas in the value of a keyword.
func subschemas(keyword string, value *document.Node) []*document.Node {
	switch keyword {
	case "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties",
		"additionalItems", "unevaluatedItems", "unevaluatedProperties":
		return []*document.Node{value}
	case "items", "allOf", "anyOf", "oneOf", "prefixItems":
		if value.Kind == document.Sequence {
			return value.Items
		}
		return []*document.Node{value}
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies":
		var all []*document.Node
		for _, m := range value.Members {
			all = append(all, m.Value)
		}
		return all
	}
	return nil
}
