package source

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/inith/inith/internal/credentials"
)

// cookies are those that redirects have set: some servers redirect to the same URL, and
// want to see the cookie there. Each goes to the origin that has set it, and to no other.
// Cookies of other answers are left alone: those of load balancers would keep all
// connections at one server.
type cookies struct {
	mu    sync.Mutex
	known map[string][]*http.Cookie // by origin
}

// learn keeps the cookies of a redirect.
func (c *cookies) learn(from *url.URL, redirect *http.Response) {
	if redirect == nil {
		return
	}
	for _, cookie := range redirect.Cookies() {
		c.set(credentials.Origin(from), cookie)
	}
}

func (c *cookies) set(origin string, cookie *http.Cookie) {
	const most = 30 // of one origin; a header has at most 64 KiB
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string][]*http.Cookie{}
	}
	var all []*http.Cookie
	for _, other := range c.known[origin] {
		if other.Name != cookie.Name {
			all = append(all, other)
		}
	}
	if cookie.MaxAge >= 0 && len(all) < most {
		all = append(all, &http.Cookie{Name: cookie.Name, Value: cookie.Value, Quoted: cookie.Quoted})
	}
	c.known[origin] = all
}

// add adds to a request the cookies of its origin. They replace the user's of the same name.
func (c *cookies) add(req *http.Request) {
	c.mu.Lock()
	all := c.known[credentials.Origin(req.URL)]
	c.mu.Unlock()
	if len(all) == 0 {
		return
	}
	set := map[string]bool{}
	for _, cookie := range all {
		set[cookie.Name] = true
	}
	given := req.Cookies()
	req.Header.Del("Cookie")
	for _, cookie := range given {
		if !set[cookie.Name] {
			req.AddCookie(cookie)
		}
	}
	for _, cookie := range all {
		req.AddCookie(cookie)
	}
}
