package schema

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/document"
)

// resolve returns the schema that a reference of r leads to, or nil and the reason.
func (c *compiler) resolve(r *resource, ref string) (*document.Node, *resource, string) {
	ref, fragment, _ := strings.Cut(ref, "#")
	fragment, err := url.PathUnescape(fragment)
	uri, ok := parseURI(r.uri, ref)
	if !ok || err != nil {
		return nil, nil, "not a URI"
	}
	target := r
	if ref != "" {
		var why string
		target, why = c.resource(uri)
		if target == nil {
			return nil, nil, why
		}
	}
	if fragment == "" {
		return target.root, target, ""
	}
	if !strings.HasPrefix(fragment, "/") {
		n := target.anchors[fragment]
		if n == nil {
			return nil, nil, "no schema has this anchor"
		}
		return n, target, ""
	}
	n := c.follow(target, fragment)
	if n == nil {
		return nil, nil, "the reference points to nothing"
	}
	return n, target, ""
}

// resource returns the resource of a URI, and reads its file if needed. What is next to a schema by its $id is also
// next to its file.
func (c *compiler) resource(uri *url.URL) (*resource, string) {
	if r := c.resources[uri.String()]; r != nil {
		return c.inner(r), ""
	}
	var keys []string
	for _, id := range c.identities {
		if near, ok := beside(id, uri); ok {
			keys = append(keys, near)
		}
	}
	why := ""
	for _, key := range append(keys, uri.String()) {
		if c.resources[key] == nil {
			why = c.read(key)
		}
		if r := c.resources[key]; r != nil {
			c.resources[uri.String()] = r
			return c.inner(r), ""
		}
	}
	return nil, why
}

// read adds the file of a URI, or returns the reason why it cannot.
func (c *compiler) read(uri string) string {
	data, name := metaschema(uri)
	if data == nil {
		if c.options.Load == nil || len(c.resources) > maxResources {
			return "no schema has this URI"
		}
		var err error
		data, name, err = c.options.Load(uri)
		if err != nil {
			return whyNot(err)
		}
	}
	root, err := parse(name, data)
	if err != nil {
		c.errs = append(c.errs, err)
		return "the file is not a schema"
	}
	c.addFile(name, uri, root)
	return ""
}

// maxResources is the maximum number of schemas with a URI.
const maxResources = 10_000

// inner returns the resource of the root of r, which is another one if the root has an $id.
func (c *compiler) inner(r *resource) *resource {
	if owner := c.owner[r.root]; owner != nil {
		return owner
	}
	return r
}

// follow resolves a JSON pointer, and indexes its target.
func (c *compiler) follow(r *resource, pointer string) *document.Node {
	n := r.root
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		if owner := c.owner[n]; owner != nil {
			r = owner
		}
		switch n.Kind {
		case document.Mapping:
			n = n.Member(token)
		case document.Sequence:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.Items) {
				return nil
			}
			n = n.Items[i]
		default:
			return nil
		}
		if n == nil {
			return nil
		}
	}
	c.index(n, r)
	return n
}
