// Package faultserver is an HTTP origin that goes wrong on demand, for tests and
// for the demonstration.
//
// A [Server] serves content that follows from a seed as a right server does, with
// ranges and validators. [Server.Inject] makes it go wrong in one of the ways that
// [Faults] lists; several can be injected at once. Each fault counts how often it
// has struck, so that a test can tell that what it tests has happened, and the
// server records what it was asked. What it knows of HTTP/1.1 (RFC 9110, RFC 9112)
// is what a client that downloads files can see.
package faultserver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Secret is in the credentials that [Credentials] returns, and in the URL of
// servers whose fault is about such URLs.
const Secret = "s3cr3t-f4ult"

// Credentials returns headers that are for the origin only: some that Go knows to
// be credentials, and one that it does not.
func Credentials() http.Header {
	return http.Header{
		"Authorization": {"Bearer " + Secret},
		"Cookie":        {"session=" + Secret},
		"Private-Token": {Secret},
	}
}

// A Server is an HTTP origin. Its fields must not change after Start.
type Server struct {
	Addr     string             // to listen on; "": a free port of 127.0.0.1
	Content  Content            // of every path
	Files    map[string]Content // by path: other contents, which no fault strikes
	TLS      bool               // with a certificate of its own, see [Server.PEM]
	Rate     int64              // bytes a second that each connection sends; zero: as fast as it can
	CutAfter int64              // bytes of content after which each connection is cut; zero: never

	setup
	log

	injections []*Injection
	listeners  []net.Listener
	names      *nameserver // nil: none
	other      *Server     // another host, where redirects lead; nil: none
	metadata   *Server     // stands in for the link-local address of clouds; nil: none
	config     *tls.Config
	authority  []byte // PEM of the certificate of authority

	mu      sync.Mutex // guards what follows
	changed bool       // the content has changed
	tally   uint64     // of the requests that faults which come in turns have seen
	closed  bool
	open    map[net.Conn]struct{}
	done    chan struct{}
	running sync.WaitGroup
}

// setup is what a fault needs of a server from its start on.
type setup struct {
	started   bool
	bare      bool   // no validators
	query     string // of the URL
	changes   bool   // the content changes
	grows     int64  // and is so many bytes longer then
	proxied   bool   // the client goes through a proxy
	proxy     string // address of the proxy
	address   string // of the origin
	named     bool   // the origin has a name, which only its name server knows
	silent    bool   // there is an address that accepts and says nothing
	blackhole bool   // there is an address that does not even accept
	plain     bool   // the other host has no TLS
	otherName string // of the other host; "": localhost
}

// Start begins to serve, until Close or until ctx is done.
func (s *Server) Start(ctx context.Context) error {
	s.started = true
	s.done = make(chan struct{})
	s.open = map[net.Conn]struct{}{}
	if err := s.start(ctx); err != nil {
		s.Close()
		return err
	}
	context.AfterFunc(ctx, s.Close)
	return nil
}

func (s *Server) start(ctx context.Context) error {
	if s.TLS && s.config == nil {
		var err error
		if s.config, s.authority, err = newCertificate(); err != nil {
			return err
		}
	}
	address := s.Addr
	if address == "" {
		address = net.JoinHostPort(live, "0")
	}
	var err error
	if s.address, err = s.listen(ctx, address, func(c net.Conn) { s.serve(ctx, c, false) }); err != nil {
		return err
	}
	if s.proxied {
		if s.proxy, err = s.listen(ctx, net.JoinHostPort(live, "0"), func(c net.Conn) { s.serve(ctx, c, true) }); err != nil {
			return err
		}
	}
	if s.named {
		if err := s.startNames(ctx); err != nil {
			return err
		}
	}
	return s.startStrangers(ctx)
}

// startStrangers starts the servers that are not the origin.
func (s *Server) startStrangers(ctx context.Context) error {
	if s.other != nil {
		s.other.Content, s.other.Rate, s.other.TLS = s.Content, s.Rate, s.TLS && !s.plain
		s.other.config, s.other.authority = s.config, s.authority
		if err := s.other.Start(ctx); err != nil {
			return err
		}
	}
	if s.metadata != nil {
		return s.metadata.Start(ctx)
	}
	return nil
}

// listen accepts connections in the background. It returns the address.
func (s *Server) listen(ctx context.Context, address string, handle func(c net.Conn)) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	s.listeners = append(s.listeners, l)
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { s.hold(c, handle) })
		}
	})
	return l.Addr().String(), nil
}

// hold handles a connection that Close can close.
func (s *Server) hold(c net.Conn, handle func(c net.Conn)) {
	defer func() { _ = c.Close() }()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.open[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	handle(c)
}

// Close ends everything that the server has begun, and waits for it.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed && s.done != nil {
		close(s.done)
	}
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	if s.names != nil {
		s.names.close()
	}
	s.running.Wait()
	for _, stranger := range []*Server{s.other, s.metadata} {
		if stranger != nil {
			stranger.Close()
		}
	}
}

// URL returns the address of a file.
func (s *Server) URL() string { return s.link("/model.bin", s.query) }

// Path returns the URL of a path.
func (s *Server) Path(path string) string { return s.link(path, "") }

func (s *Server) link(path, query string) string {
	u := url.URL{Scheme: "http", Host: s.Host(), Path: path, RawQuery: query}
	if s.TLS {
		u.Scheme = "https"
	}
	return u.String()
}

// Host returns the host and port of [Server.URL].
func (s *Server) Host() string {
	_, port, _ := strings.Cut(s.address, ":")
	switch {
	case s.otherName != "":
		return s.otherName + ":" + port
	case s.named:
		return OriginName + ":" + port
	default:
		return s.address
	}
}

// Proxy returns the URL of the proxy that the fault is in, nil if it is in none.
func (s *Server) Proxy() *url.URL {
	if s.proxy == "" {
		return nil
	}
	return &url.URL{Scheme: "http", Host: s.proxy}
}

// Want returns what a right client has in the end: the content, or what it will
// have changed to where the fault is that it does.
func (s *Server) Want() Content {
	if s.changes {
		return s.Content.changed(s.grows)
	}
	return s.Content
}

// now returns what the content is at present.
func (s *Server) now() Content {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed {
		return s.Content.changed(s.grows)
	}
	return s.Content
}

// change lets the content become what it will be in the end.
func (s *Server) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
}

// turn counts.
func (s *Server) turn() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally++
	return s.tally
}
