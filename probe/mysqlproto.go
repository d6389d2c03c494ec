package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/usererr"
)

// The handshake of MySQL:
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
const (
	mySQLHandshake = 10   // the version of the protocol, with which the server begins
	mySQLOK        = 0x00 // what packets begin with
	mySQLMore      = 0x01
	mySQLSwitch    = 0xfe
	mySQLErr       = 0xff
	mySQLQuit      = 0x01 // COM_QUIT

	// Capabilities.
	mySQLLongPassword = 1 << 0
	mySQLProtocol41   = 1 << 9
	mySQLTLS          = 1 << 11
	mySQLSecure       = 1 << 15
	mySQLPlugins      = 1 << 19

	mySQLCharset  = 45 // utf8mb4_general_ci
	maxMySQLFirst = 4 << 10
	maxMySQLTurns = 5
)

var errNotMySQL = errors.New("not a packet of MySQL")

// greet logs in as a user that need not exist, and without a password. That the server refuses it means that it is up.
func (p *mySQL) greet(ctx context.Context) error {
	raw, err := p.dial(ctx, p.client.Network, p.client.Address)
	if err != nil {
		return err
	}
	c := &mySQLConn{Conn: raw}
	defer func() { _ = c.Close() }()
	hello, err := c.receive()
	if err != nil {
		return err
	}
	if hello[0] == mySQLErr {
		return mySQLError(mySQLReason(hello))
	}
	capabilities, plugin, err := readMySQLHello(hello)
	if err != nil {
		return err
	}
	if err := p.encrypt(ctx, c, capabilities); err != nil {
		return err
	}
	if err := c.send(mySQLLogin(plugin)); err != nil {
		return err
	}
	return c.finish()
}

// encrypt turns the connection into one of TLS where the URL requires that.
func (p *mySQL) encrypt(ctx context.Context, c *mySQLConn, capabilities uint32) error {
	if p.client.TLS == nil || p.client.Optional {
		return nil
	}
	if capabilities&mySQLTLS == 0 {
		return &usererr.Error{Text: "the server does not offer TLS", Hint: "ssl-mode or a CA file requires it: turn it on in the server, or set ssl-mode=preferred"}
	}
	config, err := p.client.TLS.Config(p.client.Host())
	if err != nil {
		return err
	}
	if err := c.send(mySQLCapabilities(mySQLTLS)); err != nil {
		return err
	}
	c.Conn, err = p.spec.dialer.handshake(ctx, c.Conn, config)
	return err
}

// readMySQLHello returns the server's capabilities and the plugin by which it wants a login.
func readMySQLHello(hello []byte) (capabilities uint32, plugin []byte, err error) {
	version, rest, ok := bytes.Cut(hello[1:], []byte{0})
	const low, high, fixed = 13, 18, 31 // offsets in what follows the version of the server
	if hello[0] != mySQLHandshake || !ok || len(version) == 0 || len(rest) < low+2 {
		return 0, nil, errNotMySQL
	}
	capabilities = uint32(binary.LittleEndian.Uint16(rest[low:]))
	if len(rest) < fixed {
		return capabilities, nil, nil
	}
	capabilities |= uint32(binary.LittleEndian.Uint16(rest[high:])) << 16
	salt := max(13, int(rest[20])-8)
	if capabilities&mySQLPlugins == 0 || len(rest) < fixed+salt {
		return capabilities, nil, nil
	}
	plugin, _, _ = bytes.Cut(rest[fixed+salt:], []byte{0})
	return capabilities, plugin, nil
}

// mySQLCapabilities begins a login, and is all of a request for TLS.
func mySQLCapabilities(more uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, mySQLLongPassword|mySQLProtocol41|mySQLSecure|mySQLPlugins|more)
	b = binary.LittleEndian.AppendUint32(b, maxMySQLFirst)
	return append(append(b, mySQLCharset), make([]byte, 23)...)
}

func mySQLLogin(plugin []byte) []byte {
	b := append(mySQLCapabilities(0), protoUser...)
	b = append(b, 0, 0) // the end of the name; no password
	return append(append(b, plugin...), 0)
}

// A mySQLConn sends and receives packets.
type mySQLConn struct {
	net.Conn
	sequence byte
}

func (c *mySQLConn) send(payload []byte) error {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload))) //nolint:gosec // a login is small
	head[3] = c.sequence
	_, err := c.Write(append(head, payload...))
	c.sequence++
	return err
}

// receive returns a packet, at least one byte.
func (c *mySQLConn) receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > maxMySQLFirst {
		return nil, errNotMySQL
	}
	c.sequence = head[3] + 1
	payload := make([]byte, size)
	_, err := io.ReadFull(c, payload)
	return payload, err
}

// finish answers what the server asks for until it accepts or refuses the login.
func (c *mySQLConn) finish() error {
	for range maxMySQLTurns {
		answer, err := c.receive()
		if err != nil {
			return err
		}
		switch answer[0] {
		case mySQLOK:
			c.sequence = 0
			return c.send([]byte{mySQLQuit})
		case mySQLErr:
			return mySQLRefusal(mySQLReason(answer))
		case mySQLSwitch:
			err = c.send(nil)
		case mySQLMore: // a password in clear text is wanted: it is empty
			err = c.send([]byte{0})
		default:
			return errNotMySQL
		}
		if err != nil {
			return err
		}
	}
	return errNotMySQL
}

// mySQLReason reads the number of an error packet.
func mySQLReason(packet []byte) error {
	if len(packet) < 3 {
		return errNotMySQL
	}
	return mysqlclient.Reason(binary.LittleEndian.Uint16(packet[1:]))
}

// mySQLRefusal returns nil for the refusal of a login: the server is up.
func mySQLRefusal(err error) error {
	e, ok := errors.AsType[*mysqlclient.Error](err)
	if ok && !slices.Contains([]uint16{1040, 1053, 1129, 1130}, e.Number) {
		return nil
	}
	return mySQLError(err)
}
