package audit

import (
	"context"
	"net"
	"net/http"
	"time"
)

// server returns the server of clients: HTTP/1.1, and HTTP/2 without TLS. It has no time limit but that for headers.
func (p *Proxy) server(base context.Context) *http.Server {
	s := &http.Server{
		Handler:                      p,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  withConn,
		ConnState:                    p.connState,
		ReadHeaderTimeout:            p.o.HeaderTimeout,
		IdleTimeout:                  3 * time.Minute,
		MaxHeaderBytes:               p.o.MaxHeaderBytes,
		DisableGeneralOptionsHandler: true, // OPTIONS * is the application's
		Protocols:                    &http.Protocols{},
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 250, MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 1 << 20},
		ErrorLog:                     p.discard, // it would quote clients
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// idleUpstream is how long a connection to the application is kept for the next request. It is short, so that an
// application does not close a connection (gunicorn: after 2s, uvicorn: 5s) just when a request is sent on it.
const idleUpstream = time.Second

// transport returns the client of the application.
func (o *Options) transport(http2 bool) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.DialTimeout}).DialContext,
		DisableCompression:     true, // the client decides
		MaxIdleConnsPerHost:    o.MaxConnections,
		IdleConnTimeout:        idleUpstream,
		ReadBufferSize:         2 << 10, // enough for headers; what is larger is copied past it
		WriteBufferSize:        2 << 10,
		ExpectContinueTimeout:  time.Second, // as curl: for applications that do not answer Expect
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              &http.Protocols{},
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 1 << 20},
	}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetUnencryptedHTTP2(http2)
	return t
}

// ServeHTTP is one exchange.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.exchanges.Add(1)
	defer p.exchanges.Done()
	c := connOf(r.Context())
	c.handle()
	x := p.begin(w, r)
	defer x.end() //nolint:contextcheck // the context is in the request
	if reason := x.refusal(c); reason != "" {
		x.refuse(reason)
		return
	}
	x.forward() //nolint:contextcheck // the context is in the request
}

// Get returns a buffer, as httputil.BufferPool wants.
func (p *Proxy) Get() []byte {
	b, ok := p.buffers.Get().(*[]byte)
	if !ok {
		return nil
	}
	return *b
}

// Put takes a buffer back.
func (p *Proxy) Put(b []byte) { p.buffers.Put(&b) }
