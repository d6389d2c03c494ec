package probe

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/inith/inith/internal/usererr"
)

// Frames and methods of AMQP 0-9-1. A method is a class and a number in it.
// https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
const (
	amqpMethod    = 1 // types of frames
	amqpHeader    = 2
	amqpHeartbeat = 8
	amqpEnd       = 0xce // the last byte of each

	amqpStart        = 10<<16 | 10
	amqpStartOK      = 10<<16 | 11
	amqpTune         = 10<<16 | 30
	amqpTuneOK       = 10<<16 | 31
	amqpOpen         = 10<<16 | 40
	amqpOpenOK       = 10<<16 | 41
	amqpClose        = 10<<16 | 50
	amqpCloseOK      = 10<<16 | 51
	amqpBlocked      = 10<<16 | 60
	amqpUnblocked    = 10<<16 | 61
	amqpChannel      = 20<<16 | 10
	amqpChannelOK    = 20<<16 | 11
	amqpChannelClose = 20<<16 | 40
	amqpChannelEnded = 20<<16 | 41
	amqpExchange     = 40<<16 | 10
	amqpExchangeOK   = 40<<16 | 11
	amqpQueue        = 50<<16 | 10
	amqpQueueOK      = 50<<16 | 11
	amqpPublish      = 60<<16 | 40

	maxShortString = 255
	maxAMQPFrame   = 16 << 10
	maxAMQPTotal   = 256 << 10
)

var errNotAMQP = errors.New("not a frame of AMQP 0-9-1")

// An amqpConn is a connection of which one channel is used.
type amqpConn struct{ net.Conn }

// start asks for the protocol, and waits until the server agrees.
func (c *amqpConn) start() error {
	if _, err := io.WriteString(c, "AMQP\x00\x00\x09\x01"); err != nil {
		return err
	}
	_, err := c.expect(amqpStart)
	return err
}

// login logs in, selects a vhost and opens a channel.
func (c *amqpConn) login(user, password, vhost string) error {
	mechanism, response := "EXTERNAL", ""
	if user != "" {
		mechanism, response = "PLAIN", "\x00"+user+"\x00"+password
	}
	args := amqpLong(amqpCapabilities())
	args = append(args, amqpShort(mechanism)...)
	args = append(args, amqpLong([]byte(response))...)
	if err := c.send(0, amqpStartOK, append(args, amqpShort("en_US")...)); err != nil {
		return err
	}
	tune, err := c.expect(amqpTune)
	switch {
	case isAMQPCode(err, amqpRefused):
		return Rejected(&usererr.Error{
			Text: "user or password refused (code 403)", Err: err,
			Hint: "check user and password: the user guest can only log in from the server's own host",
		})
	case err != nil:
		return err
	case len(tune) < amqpTuned:
		return errNotAMQP
	}
	binary.BigEndian.PutUint16(tune[6:], amqpBeat)
	if err := c.send(0, amqpTuneOK, tune[:amqpTuned]); err != nil {
		return err
	}
	if err := c.call(0, amqpOpen, append(amqpShort(vhost), 0, 0), amqpOpenOK); err != nil {
		return err
	}
	return c.call(1, amqpChannel, amqpShort(""), amqpChannelOK)
}

const (
	amqpRefused = 403
	amqpTuned   = 8 // bytes: channels, size of frames, heartbeat
	// amqpBeat makes a server whose alarm keeps it from reading notice soon that we have gone, in seconds.
	amqpBeat = 2
)

// amqpCapabilities asks for a code when the login is refused, and for a message when publishers are blocked.
func amqpCapabilities() []byte {
	var all []byte
	for _, name := range []string{"authentication_failure_close", "connection.blocked"} {
		all = append(append(all, amqpShort(name)...), 't', 1)
	}
	return append(append(amqpShort("capabilities"), 'F'), amqpLong(all)...)
}

// queue and exchange ask whether one exists, by a passive declaration.
func (c *amqpConn) queue(name string) error {
	return c.call(1, amqpQueue, amqpPassive(name), amqpQueueOK)
}

func (c *amqpConn) exchange(name string) error {
	return c.call(1, amqpExchange, amqpPassive(name, ""), amqpExchangeOK)
}

// amqpPassive declares a name, which for an exchange a type follows, without a table of arguments.
func amqpPassive(names ...string) []byte {
	args := []byte{0, 0}
	for _, name := range names {
		args = append(args, amqpShort(name)...)
	}
	const passive = 1
	return append(append(args, passive), amqpLong(nil)...)
}

// publish sends an empty message to a queue that does not exist, so that the server drops it: a server says only to
// publishers that an alarm blocks them. That the user may not publish is no alarm.
func (c *amqpConn) publish() error {
	args := append([]byte{0, 0}, amqpShort("")...)
	args = append(args, amqpShort("inith."+rand.Text())...)
	if err := c.send(1, amqpPublish, append(args, 0)); err != nil {
		return err
	}
	const class, size, flags = 60, 8, 2
	content := append([]byte{0, class, 0, 0}, make([]byte, size+flags)...)
	if err := c.write(amqpHeader, 1, content); err != nil {
		return err
	}
	err := c.call(1, amqpChannelClose, append(amqpReason(), 0, 0, 0, 0), amqpChannelEnded)
	if isAMQPCode(err, amqpRefused) {
		return nil
	}
	return err
}

// end closes the connection as the protocol wants it, which gives no warning in the log of the server. What the server
// answers does not matter any more.
func (c *amqpConn) end() { _ = c.call(0, amqpClose, append(amqpReason(), 0, 0, 0, 0), amqpCloseOK) }

func amqpReason() []byte { return append([]byte{0, 200}, amqpShort("")...) }

// call sends a method and waits for the answer to it.
func (c *amqpConn) call(channel byte, method uint32, args []byte, answer uint32) error {
	if err := c.send(channel, method, args); err != nil {
		return err
	}
	_, err := c.expect(answer)
	return err
}

func (c *amqpConn) send(channel byte, method uint32, args []byte) error {
	return c.write(amqpMethod, channel, append(binary.BigEndian.AppendUint32(nil, method), args...))
}

func (c *amqpConn) write(kind, channel byte, payload []byte) error {
	frame := append([]byte{kind, 0, channel}, amqpLong(payload)...)
	_, err := c.Write(append(frame, amqpEnd))
	return err
}

// An amqpCodeError is the code with which the server closed the connection or the channel.
type amqpCodeError struct {
	error
	code uint16
}

func (e *amqpCodeError) Unwrap() error { return e.error }

func isAMQPCode(err error, code uint16) bool {
	e, ok := errors.AsType[*amqpCodeError](err)
	return ok && e.code == code
}

// expect returns the arguments of a method that the server must send next.
func (c *amqpConn) expect(want uint32) ([]byte, error) {
	for {
		method, args, err := c.receive()
		switch {
		case err != nil:
			return nil, err
		case method == want:
			return args, nil
		case method == amqpUnblocked:
		case method == amqpBlocked:
			return nil, &usererr.Error{Text: "the server blocks publishers", Hint: "its memory or disk alarm is in force"}
		case method == amqpClose, method == amqpChannelClose:
			if len(args) < 2 {
				return nil, errNotAMQP
			}
			code := binary.BigEndian.Uint16(args)
			return nil, &amqpCodeError{amqpError(code), code}
		default:
			return nil, errNotAMQP
		}
	}
}

// receive returns the next method that the server sends.
func (c *amqpConn) receive() (method uint32, args []byte, err error) {
	for {
		var head [7]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return 0, nil, err
		}
		if bytes.HasPrefix(head[:], []byte("AMQP")) {
			return 0, nil, &usererr.Error{
				Text: "the server speaks another version of AMQP", Hint: "inith speaks AMQP 0-9-1, as RabbitMQ does",
			}
		}
		size := binary.BigEndian.Uint32(head[3:])
		if size > maxAMQPFrame {
			return 0, nil, errNotAMQP
		}
		payload := make([]byte, size+1)
		if _, err := io.ReadFull(c, payload); err != nil {
			return 0, nil, err
		}
		switch {
		case payload[size] != amqpEnd:
			return 0, nil, errNotAMQP
		case head[0] == amqpHeartbeat:
		case head[0] == amqpMethod && size >= 4:
			return binary.BigEndian.Uint32(payload), payload[4:size], nil
		default:
			return 0, nil, errNotAMQP
		}
	}
}

// amqpShort and amqpLong encode strings, the long one tables and frames too.
func amqpShort(s string) []byte { return append([]byte{byte(len(s))}, s...) } //nolint:gosec // checked where it is read

func amqpLong(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) //nolint:gosec // small
}
