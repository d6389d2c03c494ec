package faultserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// An exchange is a request, and the answer while it is made.
type exchange struct {
	server   *Server
	conn     *conn
	req      *http.Request
	record   *Request
	proxied  bool
	plain    bool // a file that no fault strikes
	content  Content
	etag     string    // "": none
	modified time.Time // zero: not told
	answer   *answer
	at       int64 // where the fault is that strikes
	injected *Injection
	later    bool // what was injected strikes while the answer is sent
}

// A conn is one connection.
type conn struct {
	server *Server
	raw    net.Conn
	stream net.Conn // raw, or TLS over it
	reader *bufio.Reader
	pace   *throttle // nil: the kernel does it, or nobody
	number int
	sent   int64 // bytes of content
}

// serve answers the requests of a connection.
func (s *Server) serve(ctx context.Context, raw net.Conn, proxy bool) {
	c := &conn{server: s, raw: raw, stream: raw, number: s.joined()}
	defer s.left()
	for _, i := range s.injected(func(f *Fault) bool { return f.accept != nil && !proxy }) {
		if i.arm() {
			i.strike()
			i.fault.accept(s, raw)
			return
		}
	}
	if s.Rate > 0 && !pacedByKernel(raw, s.Rate) {
		c.pace = &throttle{rate: s.Rate, done: s.done}
	}
	if s.TLS && !proxy {
		c.stream = tls.Server(raw, s.config)
	}
	c.reader = bufio.NewReader(c.stream)
	for {
		req, err := http.ReadRequest(c.reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if !c.exchange(ctx, req, proxy) {
			return
		}
	}
}

// exchange answers one request. It reports whether there may be another.
func (c *conn) exchange(ctx context.Context, req *http.Request, proxy bool) (again bool) {
	s := c.server
	r := &Request{
		Time: time.Now(), Conn: c.number, Remote: c.raw.RemoteAddr().String(), Proxy: proxy, Method: req.Method,
		Host: req.Host, URL: req.RequestURI, Header: req.Header.Clone(), Range: req.Header.Get("Range"),
	}
	s.asked(r)
	defer s.answered()
	x := &exchange{server: s, conn: c, req: req, record: r, proxied: proxy, content: s.now()}
	if file, ok := s.Files[req.URL.Path]; ok {
		x.content, x.plain = file, true
	}
	if !s.bare || x.plain {
		x.etag, x.modified = x.content.tag(), x.content.modified()
	}
	x.apply(func(f *Fault) func(*exchange) { return f.represent })
	if req.Method == http.MethodConnect && proxy {
		x.answer = status(http.StatusOK, "")
	} else {
		x.answer = x.right()
	}
	x.apply(func(f *Fault) func(*exchange) { return f.respond })
	if req.Method == http.MethodConnect && x.answer.status == http.StatusOK {
		x.tunnel(ctx)
		return false
	}
	x.cutAfter()
	return x.send()
}

// apply lets the faults strike that work in a way and can.
func (x *exchange) apply(work func(f *Fault) func(*exchange)) {
	if x.plain {
		return
	}
	for _, i := range x.server.injected(func(f *Fault) bool { return work(f) != nil }) {
		if !i.fault.couldStrike(x) || !i.arm() {
			continue
		}
		x.injected = i
		x.later = false
		work(&i.fault)(x)
		if !x.later {
			x.struck(i)
		}
	}
}

// couldStrike reports whether the exchange is one that the fault is for.
func (f *Fault) couldStrike(x *exchange) bool {
	switch {
	case f.when != nil && !f.when(x), f.when == nil && !content(x):
		return false
	case !f.placed:
		return true
	}
	x.at = f.At
	if x.at == 0 {
		x.at = x.content.Len() / 2
	}
	return content(x) && x.at >= x.answer.span.Start && x.at < x.answer.span.End
}

// struck says that a fault has struck.
func (x *exchange) struck(i *Injection) {
	i.strike()
	x.server.note(func() { x.record.Struck = append(x.record.Struck, i.fault.Name) })
}

// cutAfter cuts the connection if this answer is to be its last.
func (x *exchange) cutAfter() {
	limit := x.server.CutAfter
	if limit <= 0 || !content(x) || x.answer.event != nil {
		return
	}
	if left := max(0, limit-x.conn.sent); left < x.answer.span.Len() {
		x.answer.event = &event{at: left, do: (*conn).fin}
	}
}

// What an exchange can be.

// content is a GET whose answer brings content.
func content(x *exchange) bool {
	return x.answer != nil && x.req.Method == http.MethodGet && x.answer.text == nil && x.answer.status < 300
}

// ranged is one whose answer is a range.
func ranged(x *exchange) bool { return content(x) && x.answer.status == http.StatusPartialContent }

// get is any GET, before its answer is known too; direct one that did not come
// through a proxy, and all is any request.
func get(x *exchange) bool  { return x.req.Method == http.MethodGet }
func head(x *exchange) bool { return x.req.Method == http.MethodHead }
func all(x *exchange) bool  { return x.req.Method != http.MethodConnect }

// asksRange is a GET that asks for a range.
func asksRange(x *exchange) bool { return get(x) && x.req.Header.Get("Range") != "" }
