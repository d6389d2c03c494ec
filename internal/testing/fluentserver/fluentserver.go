// Package fluentserver is a receiver of Fluent's Forward protocol, version 1, for tests. It is made from the protocol's
// page: https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
package fluentserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/internal/testing/simserver"
)

// A Record is what a receiver got.
type Record struct {
	Tag    string
	Time   time.Time
	Fields map[string]any
}

// Log returns the field log.
func (r Record) Log() string {
	s, _ := r.Fields["log"].(string)
	return s
}

// A Message is a chunk that a receiver got.
type Message struct {
	Tag, Chunk string
	Compressed bool
	Records    []Record
}

// A Server receives messages.
type Server struct {
	Addr string
	TLS  *tls.Config // nil for none

	SharedKey      string // "" for no handshake
	User, Password string // "" for none
	WrongPong      bool   // the digest of PONG is wrong

	// Receive is called for each message, one at a time. It returns what is to be done.
	Receive func(Message) Answer
	// Raw replaces Receive: the entries are not decoded.
	Raw func(entries []byte)

	server   *simserver.Server
	mu       sync.Mutex // one message at a time
	Accepted atomic.Int64
}

// An Answer is what a receiver does with a message.
type Answer int

// What a receiver does.
const (
	Ack    Answer = iota
	Silent        // no acknowledgement
	Close         // the connection is closed
	Wrong         // another chunk is acknowledged
)

// Start listens. The address is that of Addr, or any of the loopback interface.
func (s *Server) Start() error {
	if s.Addr == "" {
		s.Addr = "127.0.0.1:0"
	}
	server, err := simserver.Listen(context.Background(), "tcp", s.Addr, s.accepted)
	if err != nil {
		return err
	}
	s.server, s.Addr = server, server.Addr()
	return nil
}

// Stop closes all connections. The server can be started again at the same address.
func (s *Server) Stop() { s.server.Close() }

func (s *Server) accepted(conn net.Conn) {
	s.Accepted.Add(1)
	if s.TLS != nil {
		conn = tls.Server(conn, s.TLS)
	}
	defer func() { _ = conn.Close() }()
	_ = s.serve(conn)
}

func (s *Server) serve(conn net.Conn) error {
	r := msgp.NewReaderSize(conn, 64<<10)
	if s.SharedKey != "" {
		if err := s.shake(conn, r); err != nil {
			return err
		}
	}
	for {
		m, err := s.read(r)
		if err != nil {
			return err
		}
		answer := Ack
		if s.Receive != nil {
			s.mu.Lock()
			answer = s.Receive(m)
			s.mu.Unlock()
		}
		switch {
		case answer == Close:
			return nil
		case answer == Silent || m.Chunk == "":
			continue
		case answer == Wrong:
			m.Chunk = "another"
		}
		b := msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), m.Chunk)
		if _, err := conn.Write(b); err != nil {
			return err
		}
	}
}

// read reads a message in PackedForward mode: [tag, entries, option].
func (s *Server) read(r *msgp.Reader) (m Message, err error) {
	n, err := r.ReadArrayHeader()
	if err != nil || n != 3 {
		return m, errors.Join(err, errors.New("not a message"))
	}
	if m.Tag, err = r.ReadString(); err != nil {
		return m, err
	}
	entries, err := r.ReadBytes(nil)
	if err != nil {
		return m, err
	}
	option := map[string]any{}
	if err := r.ReadMapStrIntf(option); err != nil {
		return m, err
	}
	m.Chunk, _ = option["chunk"].(string)
	if option["compressed"] == "gzip" {
		m.Compressed = true
		z, err := gzip.NewReader(bytes.NewReader(entries))
		if err != nil {
			return m, err
		}
		if entries, err = io.ReadAll(z); err != nil {
			return m, err
		}
	}
	if s.Raw != nil {
		s.Raw(entries)
		return m, nil
	}
	m.Records, err = decode(m.Tag, entries)
	return m, err
}

// decode decodes entries: [time, record] one after another.
func decode(tag string, entries []byte) (all []Record, err error) {
	for len(entries) > 0 {
		var n uint32
		if n, entries, err = msgp.ReadArrayHeaderBytes(entries); err != nil || n != 2 {
			return nil, fmt.Errorf("not an entry: %w", err)
		}
		at := msgp.RawExtension{Type: 0}
		if entries, err = msgp.ReadExtensionBytes(entries, &at); err != nil || len(at.Data) != 8 {
			return nil, fmt.Errorf("not a time: %w", err)
		}
		r := Record{Tag: tag, Time: time.Unix(int64(uint32At(at.Data)), int64(uint32At(at.Data[4:])))}
		if r.Fields, entries, err = msgp.ReadMapStrIntfBytes(entries, nil); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func uint32At(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// shake does the handshake as a server: HELO goes, PING comes, PONG goes.
func (s *Server) shake(conn net.Conn, r *msgp.Reader) error {
	const nonce, auth = "nonce-of-16-byte", "auth-of-16-bytes"
	salt := ""
	if s.User != "" {
		salt = auth
	}
	helo := msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "HELO")
	helo = msgp.AppendMapHeader(helo, 3)
	helo = msgp.AppendBytes(msgp.AppendString(helo, "nonce"), []byte(nonce))
	helo = msgp.AppendBytes(msgp.AppendString(helo, "auth"), []byte(salt))
	helo = msgp.AppendBool(msgp.AppendString(helo, "keepalive"), true)
	if _, err := conn.Write(helo); err != nil {
		return err
	}
	if n, err := r.ReadArrayHeader(); err != nil || n != 6 {
		return errors.New("not a PING")
	}
	var ping [6]string
	for i := range ping {
		if kind, _ := r.NextType(); kind == msgp.BinType {
			b, err := r.ReadBytes(nil)
			if ping[i] = string(b); err != nil {
				return err
			}
			continue
		}
		var err error
		if ping[i], err = r.ReadString(); err != nil {
			return err
		}
	}
	ok, reason := ping[0] == "PING" && ping[3] == hexSum(ping[2], ping[1], nonce, s.SharedKey), "shared_key mismatch"
	if ok && s.User != "" {
		ok, reason = ping[4] == s.User && ping[5] == hexSum(auth, s.User, s.Password), "username/password mismatch"
	}
	digest := hexSum(ping[2], "server", nonce, s.SharedKey)
	if s.WrongPong {
		digest = hexSum("wrong")
	}
	pong := msgp.AppendBool(msgp.AppendString(msgp.AppendArrayHeader(nil, 5), "PONG"), ok)
	for _, text := range []string{reason, "server", digest} {
		pong = msgp.AppendString(pong, text)
	}
	if _, err := conn.Write(pong); err != nil || !ok {
		return errors.Join(err, errors.New("refused"))
	}
	return nil
}

func hexSum(parts ...string) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
