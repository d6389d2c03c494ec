package audit

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// An upgradeWriter hands a connection over with the bytes that the client has sent behind its request, without waiting for
// the answer: httputil.ReverseProxy forgets them.
type upgradeWriter struct{ http.ResponseWriter }

// Unwrap returns the writer that http.ResponseController looks for.
func (w upgradeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack returns the connection.
func (w upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := rw.Peek(rw.Reader.Buffered())
	return &earlyConn{Conn: c, early: early}, rw, nil
}

// An earlyConn is a connection of which some bytes have been read already.
type earlyConn struct {
	net.Conn

	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite passes on that one direction has ended.
func (c *earlyConn) CloseWrite() error { return closeWrite(c.Conn) }

// A tunnel is the connection to the application after an upgrade.
type tunnel struct {
	io.ReadWriteCloser

	x *exchange
}

func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	t.x.response.pass(p[:n])
	if err != nil {
		t.x.response.end()
	}
	return n, err
}

func (t *tunnel) Write(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Write(p)
	t.x.request.pass(p[:n])
	return n, err
}

// CloseWrite passes on that one direction has ended.
func (t *tunnel) CloseWrite() error { return closeWrite(t.ReadWriteCloser) }

func closeWrite(c io.Closer) error {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Close()
}
