package simserver

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
)

// Codes of the first packet of a PostgreSQL client, and its size.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
const (
	sslRequest   = 80877103
	gssRequest   = 80877104
	maxFirstSize = 10 << 10 // bytes, of the first packet
)

// Authentication requests.
const (
	authOK        = 0
	authCleartext = 3
	authSASL      = 10
)

// A Postgres is how a simulated PostgreSQL server behaves.
type Postgres struct {
	Refuse   string // a SQLSTATE that answers every login, such as 57P03; "" accepts
	Password string // what a login must bring; "" is trust
	Value    []byte // the only column of the only row of every query; nil is null
	NoRows   bool
	Rows     int         // how often that row comes; zero is once
	TLS      *tls.Config // nil: TLS is refused
}

// Handle answers one connection.
func (p Postgres) Handle(c net.Conn) {
	c, startup := readStartup(c, p.TLS)
	switch {
	case startup == nil:
		return
	case p.Refuse != "":
		fail(c, p.Refuse)
		return
	case p.Password != "" && !p.login(c):
		return
	}
	_ = send(c, 'R', word(authOK))
	_ = send(c, 'Z', []byte{'I'})
	p.serve(c)
}

// PostgresAsksPassword is a server that is up and asks for a password.
func PostgresAsksPassword(c net.Conn) {
	if _, startup := readStartup(c, nil); startup != nil {
		_ = send(c, 'R', append(word(authSASL), "SCRAM-SHA-256\x00\x00"...))
		_, _, _ = receive(c)
	}
}

// readStartup returns the startup packet, nil if there was none, and the
// connection to go on with.
func readStartup(c net.Conn, config *tls.Config) (net.Conn, []byte) {
	for {
		var size uint32
		if err := binary.Read(c, binary.BigEndian, &size); err != nil || size < 8 || size > maxFirstSize {
			return c, nil
		}
		packet := make([]byte, size-4)
		if _, err := io.ReadFull(c, packet); err != nil {
			return c, nil
		}
		code := binary.BigEndian.Uint32(packet)
		switch {
		case code != sslRequest && code != gssRequest:
			return c, packet
		case code == gssRequest, config == nil:
			_, _ = c.Write([]byte{'N'})
		default:
			_, _ = c.Write([]byte{'S'})
			c = tls.Server(c, config)
		}
	}
}

func (p Postgres) login(c net.Conn) bool {
	_ = send(c, 'R', word(authCleartext))
	kind, body, err := receive(c)
	if err != nil || kind != 'p' {
		return false
	}
	if string(bytes.TrimSuffix(body, []byte{0})) != p.Password {
		fail(c, "28P01")
		return false
	}
	return true
}

// serve answers each query with the row.
func (p Postgres) serve(c net.Conn) {
	for {
		kind, _, err := receive(c)
		if err != nil || kind == 'X' {
			return
		}
		switch kind {
		case 'Q':
		case 'S': // of the extended protocol
			_ = send(c, '1', nil)
			_ = send(c, '2', nil)
		default:
			continue
		}
		_ = send(c, 'T', append([]byte{0, 1, 'v', 0}, make([]byte, 18)...))
		for range max(1, p.Rows) {
			if !p.NoRows && send(c, 'D', p.row()) != nil {
				return
			}
		}
		_ = send(c, 'C', []byte("SELECT 1\x00"))
		_ = send(c, 'Z', []byte{'I'})
	}
}

func (p Postgres) row() []byte {
	if p.Value == nil {
		return append([]byte{0, 1}, word(-1)...)
	}
	return append(append([]byte{0, 1}, word(len(p.Value))...), p.Value...)
}

func word(n int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(n)) //nolint:gosec // -1 is meant to wrap
}

func send(c net.Conn, kind byte, body []byte) error {
	_, err := c.Write(append(append([]byte{kind}, word(len(body)+4)...), body...))
	return err
}

// fail sends an error that ends the connection.
func fail(c net.Conn, code string) {
	_ = send(c, 'E', []byte("SFATAL\x00VFATAL\x00C"+code+"\x00Msimulated\x00\x00"))
}

func receive(c net.Conn) (kind byte, body []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxFirstSize {
		return 0, nil, io.ErrUnexpectedEOF
	}
	body = make([]byte, size-4)
	_, err = io.ReadFull(c, body)
	return head[0], body, err
}
