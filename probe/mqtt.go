package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// mqttOptions are those of mqtt and mqtts.
type mqttOptions struct{ passwordFile string }

func (o *mqttOptions) keys() []target.Key { return []target.Key{target.PasswordFile(&o.passwordFile)} }

func (o *mqttOptions) level(s *spec) Level {
	if s.password(o.passwordFile).Given() || s.tls.CertFile != "" {
		return LevelAuth
	}
	return LevelProto
}

func (o *mqttOptions) open(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	if strings.Trim(s.url.Path, "/") != "" {
		return nil, errors.New("an mqtt URL has no path")
	}
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	m := &mqtt{mqttOptions: *o, spec: s, user: s.url.User.Username()}
	if s.kind.tls {
		m.tls = &tlsconfig.Loader{TLS: s.tls}
	}
	switch {
	case m.user == "" && s.password(o.passwordFile).Given():
		return nil, errors.New("a login needs a user, as in mqtt://user@host")
	case len(m.user) > maxMQTTString:
		return nil, errors.New("the user is longer than 65535 bytes")
	case s.level == LevelTCP:
		return openPort(s)
	}
	return m, nil
}

// mqtt speaks MQTT 3.1.1, which brokers of version 5 also speak.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
type mqtt struct {
	mqttOptions

	spec *spec
	tls  *tlsconfig.Loader // nil: plain
	user string
}

// Packets of MQTT: their types, and the only size that an answer of ours has.
const (
	mqttConnect    = 0x10
	mqttAccepted   = 0x20
	mqttPing       = 0xc0
	mqttPong       = 0xd0
	mqttDisconnect = 0xe0

	mqttAckSize   = 2 // bytes after the head of CONNACK
	maxMQTTString = 65535
)

var errNotMQTT = errors.New("not an answer of MQTT")

func (m *mqtt) Probe(ctx context.Context) error {
	user, password := "", ""
	if m.spec.level >= LevelAuth {
		var err error
		if password, err = m.spec.password(m.passwordFile).Read(); err != nil {
			return err
		}
		if len(password) > maxMQTTString {
			return &usererr.Error{Text: "the password is longer than 65535 bytes"}
		}
		user = m.user
	}
	c, err := m.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(mqttLogin(user, password)); err != nil {
		return err
	}
	switch err := readMQTTAck(c); {
	case m.spec.level == LevelProto && isRejected(err):
		return nil
	case err != nil:
		return err
	}
	return finishMQTT(c)
}

func (m *mqtt) connect(ctx context.Context) (net.Conn, error) {
	c, err := m.spec.dialer.DialContext(ctx, "tcp", m.spec.url.Host)
	if err != nil || m.tls == nil {
		return c, err
	}
	config, err := m.tls.Config(m.spec.url.Hostname())
	if err != nil {
		return nil, err
	}
	return m.spec.dialer.handshake(ctx, c, config)
}

// mqttLogin returns a CONNECT. Its client identifier is a random one, since a server disconnects the client that had it
// before, and its session is a clean one, which ends with the connection.
func mqttLogin(user, password string) []byte {
	const hasUser, hasPassword, cleanSession = 0x80, 0x40, 0x02
	const version, keepAlive = 4, 60 // 3.1.1; seconds
	flags := byte(cleanSession)
	payload := mqttString("inith" + rand.Text()[:18]) // every server takes 23 characters
	if user != "" {
		flags |= hasUser
		payload = append(payload, mqttString(user)...)
	}
	if password != "" {
		flags |= hasPassword
		payload = append(payload, mqttString(password)...)
	}
	body := append(mqttString("MQTT"), version, flags, 0, keepAlive)
	body = append(body, payload...)
	return append(binary.AppendUvarint([]byte{mqttConnect}, uint64(len(body))), body...)
}

func mqttString(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) //nolint:gosec // checked before
}

// readMQTTAck reads what a server says of a CONNECT.
func readMQTTAck(c io.Reader) error {
	var head [2 + mqttAckSize]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if head[0] != mqttAccepted || head[1] != mqttAckSize {
		return errNotMQTT
	}
	return mqttError(head[3])
}

// mqttError says what the code of a CONNACK means.
func mqttError(code byte) error {
	e := &usererr.Error{}
	switch code {
	case 0:
		return nil
	case 1:
		e.Text, e.Hint = "the server does not support MQTT 3.1.1", "turn that version on in the server"
	case 2:
		e.Text = "the server does not accept a random client identifier"
	case 3:
		e.Text = "the server is not available"
	case 4, 5:
		e.Text = "user or password refused"
		e.Hint = "check user and password, and whether the server allows clients without a login"
	default:
		return errNotMQTT
	}
	e.Text += fmt.Sprintf(" (code %d)", code)
	if code == 4 || code == 5 {
		return Rejected(e)
	}
	return e
}

// finishMQTT asks for an answer, and leaves as the protocol wants it.
func finishMQTT(c io.ReadWriter) error {
	if _, err := c.Write([]byte{mqttPing, 0}); err != nil {
		return err
	}
	var pong [2]byte
	if _, err := io.ReadFull(c, pong[:]); err != nil {
		return err
	}
	if pong != [2]byte{mqttPong, 0} {
		return errNotMQTT
	}
	_, err := c.Write([]byte{mqttDisconnect, 0})
	return err
}
