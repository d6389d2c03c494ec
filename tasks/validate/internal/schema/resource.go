package schema

import (
	"net/url"
	"strings"

	"github.com/inith/inith/internal/document"
)

// A Draft is a version of JSON Schema.
type Draft int

// The drafts, in their order. The zero value is Draft2020.
const (
	Draft4 Draft = iota - 4
	Draft6       // $id instead of id; numbers as exclusive limits
	Draft7
	Draft2019 // keywords beside $ref, unevaluated values, $recursiveRef
	Draft2020 // prefixItems, $dynamicRef
)

// draftOf returns the draft that $schema names. Without a version it is the latest.
func draftOf(uri string) (Draft, bool) {
	_, name, _ := strings.Cut(strings.TrimSuffix(uri, "#"), "://")
	path, ok := strings.CutPrefix(strings.Replace(name, "/hyper-schema", "/schema", 1), "json-schema.org/")
	d, known := map[string]Draft{
		"schema": Draft2020, "draft-04/schema": Draft4, "draft-05/schema": Draft4, "draft-06/schema": Draft6,
		"draft-07/schema": Draft7, "draft/2019-09/schema": Draft2019, "draft/2020-12/schema": Draft2020,
	}[path]
	return d, ok && known
}

// idKey returns the keyword that gives a schema its URI.
func (d Draft) idKey() string {
	if d == Draft4 {
		return "id"
	}
	return "$id"
}

// A resource is a schema with a URI of its own: the root of a file, or a schema with an $id.
type resource struct {
	name     string // of its file
	uri      *url.URL
	draft    Draft
	root     *document.Node
	anchors  map[string]*document.Node
	dynamics map[string]*document.Node // the anchors of $dynamicAnchor

	recursive bool // $recursiveRef may lead to it from inside another
}

func newResource(name string, uri *url.URL, d Draft, root *document.Node) *resource {
	anchor := root.Member("$recursiveAnchor")
	return &resource{
		name: name, uri: uri, draft: d, root: root, anchors: map[string]*document.Node{}, dynamics: map[string]*document.Node{},
		recursive: anchor != nil && anchor.Kind == document.Bool && isTrue(anchor),
	}
}

// addFile indexes the URIs and anchors of the schemas in a file.
func (c *compiler) addFile(name, uri string, root *document.Node) {
	base, ok := parseURI(nil, uri)
	if !ok {
		base = &url.URL{}
	}
	r := newResource(name, base, c.options.Draft, root)
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
		c.fail(r, value, "$schema: not a draft that inith knows: 4, 6, 7, 2019-09 or 2020-12")
	}
	r.draft = d
}

// index finds the resources and anchors at and below a schema that belongs to r.
func (c *compiler) index(n *document.Node, r *resource) {
	if n.Kind != document.Mapping && n.Kind != document.Bool || c.owner[n] != nil {
		return
	}
	if r.draft > Draft7 || n.Member("$ref") == nil {
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
	key := r.draft.idKey()
	id := n.Member(key)
	if id == nil {
		return r
	}
	ref, anchor, _ := strings.Cut(id.Text, "#")
	if ref == "" {
		r.addAnchor(anchor, n)
		return r
	}
	uri, ok := parseURI(r.uri, ref)
	if id.Kind != document.String || !ok {
		c.fail(r, id, key+": not a URI")
		return r
	}
	inner := newResource(r.name, uri, r.draft, n)
	inner.addAnchor(anchor, n)
	if n == r.root && r.uri.Scheme == "local" {
		c.identities = append(c.identities, uri)
	}
	if n != r.root {
		c.readDraft(inner)
	}
	c.resources[uri.String()] = inner
	return inner
}

// addAnchor adds the anchor in the URI of a schema, where drafts have it there.
func (r *resource) addAnchor(name string, n *document.Node) {
	if r.draft <= Draft7 && name != "" {
		r.anchors[name] = n
	}
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
