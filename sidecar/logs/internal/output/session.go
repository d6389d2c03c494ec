package output

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/usererr"
)

// A session is what outlives a connection: the chunks that are not acknowledged.
type session struct {
	f         *Forward
	in        <-chan *Chunk
	delivered func(*Chunk)
	pending   []*message
}

// wait returns when there is something to send; false when ctx has ended.
func (s *session) wait(ctx context.Context) bool {
	if len(s.pending) > 0 {
		return true
	}
	select {
	case c := <-s.in:
		s.pending = append(s.pending, s.f.message(c))
		return true
	case <-ctx.Done():
		return false
	}
}

// message encodes a chunk.
func (f *Forward) message(c *Chunk) *message {
	entries := c.Entries
	if f.Gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(entries)
		_ = w.Close() // a buffer takes everything
		entries = b.Bytes()
	}
	head := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), c.Tag)
	head = msgp.AppendBytesHeader(head, uint32(len(entries))) //nolint:gosec // a few MiB
	options := uint32(1)
	tail := msgp.AppendInt(msgp.AppendString(nil, "size"), c.Records)
	if f.Gzip {
		options++
		tail = msgp.AppendString(msgp.AppendString(tail, "compressed"), "gzip")
	}
	if !f.NoAck {
		options++
		tail = msgp.AppendString(msgp.AppendString(tail, "chunk"), c.ID)
	}
	tail = append(msgp.AppendMapHeader(nil, options), tail...)
	return &message{chunk: c, parts: net.Buffers{head, entries, tail}}
}

// serve connects and sends until the connection breaks. It returns nil if nothing was pending then.
func (s *session) serve(ctx context.Context, address string) error {
	s.f.Stats.Dials.Add(1)
	conn, err := s.f.connect(ctx, address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	acks := newAcks(conn)
	if s.f.Login != nil {
		_ = conn.SetDeadline(time.Now().Add(s.f.Timeout))
		if err := s.f.Login.shake(conn, acks); err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Time{})
	}
	acks.begin()
	defer func() {
		_ = conn.Close()
		acks.end()
	}()
	s.f.Stats.Connected.Store(true)
	for _, m := range s.pending {
		if !m.sent.IsZero() {
			s.f.Stats.Resent.Add(1)
		}
		if err := s.send(conn, m); err != nil {
			return err
		}
	}
	if s.f.NoAck {
		s.acknowledgeAll()
	}
	return s.exchange(ctx, conn, acks)
}

// connect opens a connection. The name of the receiver is looked up each time.
func (f *Forward) connect(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	conn, err := (&dial.Dialer{Resolver: f.Resolver}).DialContext(ctx, "tcp", address)
	if err != nil || f.loader == nil {
		return conn, err
	}
	host, _, _ := net.SplitHostPort(address)
	config, err := f.loader.Config(host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// send writes a message.
func (s *session) send(conn net.Conn, m *message) error {
	_ = conn.SetWriteDeadline(time.Now().Add(s.f.Timeout))
	parts := append(net.Buffers(nil), m.parts...) // WriteTo uses them up
	n, err := parts.WriteTo(conn)
	s.f.Stats.Sent.Add(n)
	m.sent = time.Now()
	return err
}

// exchange sends chunks and takes acknowledgements. It returns nil if the receiver closes the connection while nothing is
// pending, as it may.
func (s *session) exchange(ctx context.Context, conn net.Conn, acks *acks) error {
	late := time.NewTimer(s.f.Timeout)
	defer late.Stop()
	for {
		in := s.in
		if len(s.pending) >= maxPending {
			in = nil
		}
		if len(s.pending) > 0 {
			late.Reset(time.Until(s.pending[0].sent.Add(s.f.Timeout)))
		} else {
			late.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case c := <-in:
			m := s.f.message(c)
			s.pending = append(s.pending, m)
			if err := s.send(conn, m); err != nil {
				return err
			}
			if s.f.NoAck {
				s.acknowledgeAll()
			}
		case id := <-acks.ids:
			if !s.acknowledge(id) {
				return &usererr.Error{Text: "the receiver acknowledges what was not sent", Hint: "check that it speaks Fluent's Forward protocol"}
			}
		case err := <-acks.failed:
			if len(s.pending) == 0 {
				return nil
			}
			return err
		case <-late.C:
			return &usererr.Error{
				Text: fmt.Sprintf("the receiver has acknowledged nothing for %s", s.f.Timeout),
				Hint: "if it does not acknowledge at all, --no-ack gives up the guarantee",
			}
		}
	}
}

// acknowledge reports whether a chunk was pending.
func (s *session) acknowledge(id string) bool {
	for i, m := range s.pending {
		if m.chunk.ID == id {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			s.delivered(m.chunk)
			return true
		}
	}
	return false
}

func (s *session) acknowledgeAll() {
	for _, m := range s.pending {
		s.delivered(m.chunk)
	}
	s.pending = nil
}

// connectionClosed is why a receiver that closes the connection fails.
func connectionClosed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &usererr.Error{Text: "the receiver has closed the connection", Err: err}
	}
	return err
}
