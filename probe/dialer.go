package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/inith/inith/internal/dial"
)

// errAttemptOver is what a driver gets that dials when its attempt has ended.
var errAttemptOver = errors.New("the attempt is over")

// A Dialer opens the connections of one target. All that an attempt opened are
// closed when it ends, which makes a driver return that ignores its context. It also
// records how far the attempt came. The zero value is usable.
type Dialer struct {
	resolver *net.Resolver // nil: the default one

	mu     sync.Mutex
	active bool
	open   map[*conn]struct{}
	cancel []context.CancelFunc // of dials under way
	trace  Trace
	first  [frameHead]byte // of what the server sent first, zeros if that was shorter

	// small has the next TLS handshakes do without ML-KEM, whose key makes a ClientHello larger than one packet: some
	// middleboxes drop that. See [Dialer.end].
	small bool
}

// frameHead is the size of the head of a frame of HTTP/2, in bytes.
const frameHead = 9

// A Trace records how far an attempt came.
type Trace struct {
	Addresses []string // dialed, so the name was resolved
	Accepted  bool     // one of them accepted
	TLS       bool     // a handshake was completed
	Verified  bool     // and the certificate verified
	Answered  bool     // the server sent something

	helloSent, helloAnswered bool // of TLS
	small                    bool // the handshake was without ML-KEM
}

// unansweredHello reports whether the server sent nothing after a ClientHello.
func (t *Trace) unansweredHello() bool { return t.helloSent && !t.helloAnswered }

// begin starts an attempt, which ends with ctx or when end is called, once.
func (d *Dialer) begin(ctx context.Context) (end func()) {
	d.mu.Lock()
	d.active, d.trace = true, Trace{small: d.small}
	d.mu.Unlock()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		d.end()
	})
	return func() {
		if stop() {
			d.end()
			return
		}
		<-ended // or it would end the next attempt
	}
}

// end closes the connections of the attempt. If a TLS handshake got no answer, the next attempt makes it the other way.
func (d *Dialer) end() {
	d.mu.Lock()
	if d.active && d.trace.unansweredHello() {
		d.small = !d.small
	}
	d.active = false
	open, cancel := d.open, d.cancel
	d.open, d.cancel = nil, nil
	d.mu.Unlock()
	for _, c := range cancel {
		c()
	}
	for c := range open {
		_ = c.Conn.Close()
	}
}

// Trace returns how far the last attempt came.
func (d *Dialer) Trace() Trace {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.trace
	t.Addresses = slices.Clone(t.Addresses)
	return t
}

// DialContext connects as [net.Dialer.DialContext] does, for the attempt that is
// under way, to whichever address of the host accepts first.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	if !d.active {
		d.mu.Unlock()
		return nil, errAttemptOver
	}
	d.cancel = append(d.cancel, cancel)
	d.mu.Unlock()

	hd := dial.Dialer{Resolver: d.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		d.note(func(t *Trace) {
			if !slices.Contains(t.Addresses, address) {
				t.Addresses = append(t.Addresses, address)
			}
		})
		return nil
	}}
	raw, err := hd.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if selfConnected(raw) {
		_ = raw.Close()
		return nil, syscall.ECONNREFUSED
	}
	return d.adopt(raw)
}

// selfConnected reports whether c is its own peer: where nothing listens, the
// kernel may choose the very port that is dialed for our side (RFC 9293, 3.5:
// simultaneous open).
func selfConnected(c net.Conn) bool {
	return c.RemoteAddr().Network() == "tcp" && c.LocalAddr().String() == c.RemoteAddr().String()
}

// adopt takes a connection into the attempt, or closes it if that has ended.
func (d *Dialer) adopt(raw net.Conn) (net.Conn, error) {
	c := &conn{Conn: raw, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.active {
		_ = raw.Close()
		return nil, errAttemptOver
	}
	if d.open == nil {
		d.open = map[*conn]struct{}{}
	}
	d.open[c] = struct{}{}
	d.trace.Accepted = true
	return c, nil
}

// dialTLS opens a connection of TLS, or a plain one without a config. A config without a server's name verifies the host's.
func (d *Dialer) dialTLS(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	c, err := d.DialContext(ctx, network, address)
	if err != nil || config == nil {
		return c, err
	}
	config = config.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	encrypted, err := d.handshake(ctx, c, config)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return encrypted, nil
}

// handshake turns c into a TLS connection.
func (d *Dialer) handshake(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	tc := tls.Client(c, d.watch(config))
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return tc, nil
}

// watch returns a config whose handshakes are noted.
func (d *Dialer) watch(config *tls.Config) *tls.Config {
	config = config.Clone()
	d.mu.Lock()
	if d.small {
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	}
	d.mu.Unlock()
	own := config.VerifyPeerCertificate != nil // pgconn's, for verify-ca
	config.VerifyConnection = func(s tls.ConnectionState) error {
		d.note(func(t *Trace) { t.TLS, t.Verified = true, own || len(s.VerifiedChains) > 0 })
		return nil
	}
	return config
}

// heardHTTP2 reports whether the first answer began with the SETTINGS of HTTP/2, which
// a server sends whatever the client said (RFC 9113, 3.4).
func (d *Dialer) heardHTTP2() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	const settings = 4
	small, stream0 := d.first[0] == 0, [4]byte(d.first[5:]) == [4]byte{}
	return d.trace.Answered && small && d.first[3] == settings && d.first[4] == 0 && stream0
}

func (d *Dialer) note(f func(t *Trace)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.trace)
}

// A conn leaves its dialer when it is closed.
type conn struct {
	net.Conn
	dialer *Dialer
	heard  atomic.Bool // the server has sent something
	hello  atomic.Bool // a ClientHello was sent, and nothing has come since
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.heard.CompareAndSwap(false, true) {
		c.dialer.note(func(t *Trace) {
			t.Answered = true
			c.dialer.first = [frameHead]byte{}
			copy(c.dialer.first[:], b[:n])
		})
	}
	if n > 0 && c.hello.CompareAndSwap(true, false) {
		c.dialer.note(func(t *Trace) { t.helloAnswered = true })
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if isClientHello(b) {
		c.hello.Store(true)
		c.dialer.note(func(t *Trace) { t.helloSent = true })
	}
	return c.Conn.Write(b)
}

// isClientHello reports whether a TLS record begins a handshake (RFC 8446, 4 and 5.1).
func isClientHello(record []byte) bool {
	const handshake, head, clientHello = 22, 5, 1
	return len(record) > head && record[0] == handshake && record[head] == clientHello
}

func (c *conn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
