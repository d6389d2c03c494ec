package faultserver

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// proxies returns faults of what is between a client and the origin.
func proxies() []Fault {
	proxied := func(s *Server) { s.proxied = true }
	tunneled := func(s *Server) { s.proxied, s.TLS = true, true }
	return []Fault{
		{
			Number: 45, Name: "proxy-407", Does: "has a proxy that wants to know who asks, instead of the file",
			Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: WrongBytes,
			Times: -1, when: func(x *exchange) bool { return x.proxied && file(x) }, respond: wantCredentials, prepare: proxied,
		},
		{
			Number: 45, Name: "tunnel-407", Does: "has a proxy that wants to know who asks for a tunnel",
			Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: Fails,
			Times: -1, when: connect, respond: wantCredentials, prepare: tunneled,
		},
		{
			Number: 45, Name: "tunnel-cut", Does: "has a proxy that cuts two tunnels after a MiB",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 2, when: connect, tunnel: func(t *tunnel) { t.limit = 1 << 20 }, prepare: tunneled,
		},
		{
			Number: 45, Name: "proxy-stale", Does: "has a proxy that answers one range from an older file of the same length",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, Skip: 1, when: func(x *exchange) bool { return x.proxied && ranged(x) }, respond: stale, prepare: proxied,
		},
	}
}

// connect is a request for a tunnel.
func connect(x *exchange) bool { return x.req.Method == http.MethodConnect }

func wantCredentials(x *exchange) {
	a := refuse(http.StatusProxyAuthRequired)
	a.header.Set("Proxy-Authenticate", `Basic realm="proxy"`)
	x.replace(a)
}

// stale makes the answer one that a cache has kept of another file.
func stale(x *exchange) {
	old := x.answer.content.changed(0)
	x.answer.content = old
	x.answer.header.Set("ETag", old.tag())
	x.answer.header.Set("Last-Modified", old.modified().Format(http.TimeFormat))
	x.answer.header.Set("Age", "86400")
}

// A tunnel passes bytes between a client and the origin.
type tunnel struct {
	exchange *exchange
	origin   net.Conn
	limit    int64      // bytes to the client after which it is cut; negative: none
	cut      *Injection // what does; nil: nothing
}

// tunnel answers CONNECT. It ends when one side does.
func (x *exchange) tunnel(ctx context.Context) {
	var d net.Dialer
	origin, err := d.DialContext(ctx, "tcp", x.server.address)
	if err != nil {
		return
	}
	t := &tunnel{exchange: x, origin: origin, limit: -1}
	for _, i := range x.server.injected(func(f *Fault) bool { return f.tunnel != nil }) {
		if i.fault.when(x) && i.arm() {
			t.cut = i
			i.fault.tunnel(t)
			break
		}
	}
	t.run()
}

func (t *tunnel) run() {
	c := t.exchange.conn
	_, err := io.WriteString(c.stream, "HTTP/1.1 200 Connection established\r\n\r\n")
	if err != nil {
		t.limit = 0
	}
	t.exchange.server.note(func() { t.exchange.record.Status = http.StatusOK })
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(t.origin, c.reader)
		_ = t.origin.Close()
	})
	var passed int64
	if t.limit >= 0 {
		passed, _ = io.CopyN(c.stream, t.origin, t.limit)
	} else {
		_, _ = io.Copy(c.stream, t.origin)
	}
	switch {
	case t.cut == nil:
	case passed == t.limit:
		t.exchange.struck(t.cut)
	default:
		t.cut.miss()
	}
	_ = c.stream.Close()
	_ = t.origin.Close()
	up.Wait()
}
