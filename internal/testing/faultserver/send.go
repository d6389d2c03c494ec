package faultserver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"time"
)

// rest is the part of a body that is not sent yet.
type rest struct {
	body io.Reader
	to   io.Writer
}

// send writes the answer. It reports whether the connection can go on.
func (x *exchange) send() (again bool) {
	a, c := x.answer, x.conn
	x.server.note(func() { x.record.Status, x.record.Span = a.status, a.span })
	defer x.settle()
	if e := a.event; e != nil && e.at < 0 {
		x.happen(e, rest{})
		return false
	}
	if err := x.writeHead(); err != nil {
		return false
	}
	if x.req.Method == http.MethodHead {
		return a.length != untilClose
	}
	out := &sender{x: x}
	framed := io.WriteCloser(unframed{out})
	if a.length == chunks {
		framed = httputil.NewChunkedWriter(out)
	}
	body := a.body()
	if e := a.event; e != nil {
		if err := copyBytes(framed, body, e.at); err != nil {
			return false
		}
		x.happen(e, rest{body, framed})
		return false
	}
	if err := copyBytes(framed, body, -1); err != nil {
		return false
	}
	if a.length == chunks {
		_ = framed.Close()
		_, _ = io.WriteString(c.stream, "\r\n")
	}
	if a.length == untilClose || a.short() {
		c.fin(rest{})
		return false
	}
	return true
}

// short reports whether more was told than there is.
func (a *answer) short() bool {
	n := a.span.Len()
	if a.text != nil {
		n = int64(len(a.text))
	}
	return a.length != n+int64(len(a.tail)) && a.length >= 0
}

// happen lets an event end the connection.
func (x *exchange) happen(e *event, r rest) {
	x.answer.event = nil
	x.settle() // before the client sees the end, and asks again
	if e.injection != nil {
		x.struck(e.injection)
	}
	e.do(x.conn, r)
}

// settle counts what has happened while the answer was sent, and gives back the
// chances of what has not, because the client went away before.
func (x *exchange) settle() {
	if e := x.answer.event; e != nil && e.injection != nil {
		e.injection.miss()
	}
	f := x.answer.flip
	x.answer.event, x.answer.flip = nil, nil
	switch {
	case f == nil:
	case f.done:
		x.struck(f.injection)
	default:
		f.at = -1
		f.injection.miss()
	}
}

// replace puts another answer in the place of what was to be sent.
func (x *exchange) replace(a *answer) {
	x.settle()
	x.answer = a
}

// place puts an event into the answer, unless there is one before it.
func (x *exchange) place(at int64, do func(c *conn, r rest)) {
	x.later = true
	before := x.answer.event
	if before != nil && before.at <= at {
		x.injected.miss()
		return
	}
	if before != nil && before.injection != nil {
		before.injection.miss()
	}
	x.answer.event = &event{at: at, do: do, injection: x.injected}
}

// placeHere puts an event where the fault is.
func (x *exchange) placeHere(do func(c *conn, r rest)) { x.place(x.at-x.answer.span.Start, do) }

func (x *exchange) writeHead() error {
	a := x.answer
	framing := fmt.Sprintf("Content-Length: %d", a.length)
	switch a.length {
	case chunks:
		framing = "Transfer-Encoding: chunked"
	case untilClose:
		framing = "Connection: close"
	}
	w := bufio.NewWriter(x.conn.stream)
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n%s\r\n", a.status, statusText(a.status), framing)
	fmt.Fprintf(w, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	_ = a.header.Write(w)
	_, _ = io.WriteString(w, "\r\n")
	return w.Flush()
}

func (a *answer) body() io.Reader {
	if a.text != nil {
		return io.MultiReader(bytes.NewReader(a.text), bytes.NewReader(a.tail))
	}
	body := a.content.section(a.span)
	if a.flip != nil {
		body = io.NewSectionReader(a.flip, a.span.Start, a.span.Len())
	}
	return io.MultiReader(body, bytes.NewReader(a.tail))
}

// A flip is content of which one bit is wrong.
type flip struct {
	Content
	at        int64
	injection *Injection
	done      bool
}

// ReadAt implements [io.ReaderAt].
func (f *flip) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Content.ReadAt(p, off)
	if i := f.at - off; i >= 0 && i < int64(n) {
		p[i] ^= 1
		f.done = true
	}
	return n, err
}

// copyBytes copies n bytes, all if n is negative, and fewer if there are fewer.
func copyBytes(to io.Writer, from io.Reader, n int64) error {
	if n >= 0 {
		from = io.LimitReader(from, n)
	}
	_, err := io.CopyBuffer(to, from, make([]byte, 128<<10))
	return err
}

// A sender writes a body and counts it.
type sender struct{ x *exchange }

// Write implements [io.Writer].
func (s *sender) Write(p []byte) (int, error) {
	c := s.x.conn
	if c.pace != nil {
		if err := c.pace.wait(len(p)); err != nil {
			return 0, err
		}
	}
	n, err := c.stream.Write(p)
	c.sent += int64(n)
	c.server.sent(s.x.record, n)
	return n, err
}

type unframed struct{ io.Writer }

func (unframed) Close() error { return nil }

// What can end a connection.

// fin closes it in order, as far as TCP is concerned. What the client has not read
// yet still reaches it.
func (c *conn) fin(rest) { _ = c.stream.Close() }

// reset aborts it.
func (c *conn) reset(rest) {
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.raw.Close()
}

// stall says nothing more, until the client goes away.
func (c *conn) stall(rest) { _, _ = io.Copy(io.Discard, c.reader) }

// drip sends the rest at 1 KB a second.
func (c *conn) drip(r rest) {
	const pause = 250 * time.Millisecond
	t := time.NewTicker(pause)
	defer t.Stop()
	for {
		if _, err := io.CopyN(r.to, r.body, 256); err != nil {
			c.fin(r)
			return
		}
		select {
		case <-t.C:
		case <-c.server.done:
			return
		}
	}
}
