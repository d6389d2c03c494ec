package schema

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/tasks/validate/document"
)

// resolve returns the schema that a reference of r leads to, or nil and why there
// is none.
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
		if target, why = c.resource(uri); target == nil {
			return nil, nil, why
		}
	}
	if fragment == "" {
		return target.root, target, ""
	}
	if !strings.HasPrefix(fragment, "/") {
		n := target.anchors[fragment]
		if n == nil {
			return nil, nil, "no schema has that anchor"
		}
		return n, target, ""
	}
	n := c.follow(target, fragment)
	if n == nil {
		return nil, nil, "there is nothing at that place"
	}
	return n, target, ""
}

// resource returns the resource of a URI, and reads its file if need be.
func (c *compiler) resource(uri *url.URL) (*resource, string) {
	key := uri.String()
	if r := c.resources[key]; r != nil {
		return c.inner(r), ""
	}
	for _, id := range c.identities {
		if near, ok := beside(id, uri); ok {
			key = near
		}
	}
	if r := c.resources[key]; r != nil {
		return c.inner(r), ""
	}
	if c.options.Load == nil || len(c.resources) > maxResources {
		return nil, "no schema has that URI"
	}
	data, name, err := c.options.Load(key)
	if err != nil {
		return nil, whyNot(err)
	}
	root, err := parse(name, data)
	if err != nil {
		c.errs = append(c.errs, err)
		return nil, "the file is not a schema"
	}
	c.addFile(name, key, root)
	c.resources[uri.String()] = c.resources[key]
	return c.inner(c.resources[key]), ""
}

// maxResources is how many schemas may have a URI.
const maxResources = 10_000

// inner returns the resource that the root of r belongs to, another if it has an
// $id.
func (c *compiler) inner(r *resource) *resource {
	if owner := c.owner[r.root]; owner != nil {
		return owner
	}
	return r
}

// follow returns what a JSON pointer leads to, and sees that it is indexed.
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
