package mask

import (
	"net/url"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
)

// Path returns the path of a request, decoded if it holds a secret.
func (p *Pass) Path(u *url.URL) string {
	if masked := p.Text(u.Path); masked != u.Path {
		return masked
	}
	if masked := p.Text(u.EscapedPath()); masked != u.EscapedPath() {
		return masked
	}
	return u.EscapedPath()
}

var queryName = lazyregexp.New(`^[A-Za-z0-9_.\[\]-]{1,64}$`)

// Query returns the names of a query, in their order, without its values.
func (p *Pass) Query(raw string) string {
	if raw == "" {
		return ""
	}
	const most = 64
	var names []string
	for pair := range strings.SplitSeq(raw, "&") {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		name, _, ok := strings.Cut(pair, "=")
		if !ok || !queryName().MatchString(name) || p.Text(name) != name {
			name = "…"
		}
		names = append(names, name+"=…")
	}
	return strings.Join(names, "&")
}
