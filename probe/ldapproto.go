package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
)

// Tags of LDAP: those of BER, and those of requests and answers (RFC 4511).
const (
	berBoolean  = 0x01
	berInteger  = 0x02
	berOctets   = 0x04
	berEnum     = 0x0a
	berSequence = 0x30

	ldapBind       = 0x60
	ldapBound      = 0x61
	ldapUnbind     = 0x42
	ldapSearch     = 0x63
	ldapEntry      = 0x64
	ldapSearchDone = 0x65
	ldapReference  = 0x73
	ldapExtended   = 0x77
	ldapExtension  = 0x78

	berContext0 = 0x80 // the password of a bind, the name of an extension
	ldapPresent = 0x87 // the filter that an attribute exists
)

// maxLDAPMessage bounds one answer, maxLDAPTotal all of a connection, in bytes.
const (
	maxLDAPMessage = 64 << 10
	maxLDAPTotal   = 256 << 10
)

var errNotLDAP = errors.New("not an answer of LDAP")

// An ldapConn sends requests and reads their answers. It reads not a byte more, since TLS may follow.
type ldapConn struct {
	net.Conn
	id byte // of the last request
}

func newLDAPConn(c net.Conn) *ldapConn {
	return &ldapConn{Conn: &limitedConn{Conn: c, left: maxLDAPTotal}}
}

// greet makes an anonymous login. That the server refuses it means that it is up.
func (c *ldapConn) greet() error {
	code, err := c.bind("", "")
	if err == nil && (code == ldapBusy || code == ldapUnavailable) {
		err = ldapError(code)
	}
	if err != nil {
		return err
	}
	return c.unbind()
}

func (c *ldapConn) login(user, password string) error {
	code, err := c.bind(user, password)
	if err != nil {
		return err
	}
	return ldapLoginError(code, user == "")
}

func (c *ldapConn) bind(user, password string) (code int, err error) {
	const version = 3
	return c.ask(ber(ldapBind, berNumber(berInteger, version), berText(berOctets, user), berText(berContext0, password)), ldapBound)
}

// startTLS asks for TLS on this connection (RFC 4511, 4.14).
func (c *ldapConn) startTLS() error {
	const name = "1.3.6.1.4.1.1466.20037"
	code, err := c.ask(ber(ldapExtended, berText(berContext0, name)), ldapExtension)
	if err != nil {
		return err
	}
	return ldapStartTLSError(code)
}

// search reports whether there is an entry with a DN, "" being that of the server.
func (c *ldapConn) search(dn string) (found bool, err error) {
	const baseObject, neverDeref, oneEntry, noTimeLimit, typesOnly = 0, 0, 1, 0, 0xff
	const noAttributes = "1.1" // RFC 4511, 4.5.1.8
	request := ber(
		ldapSearch, berText(berOctets, dn), berNumber(berEnum, baseObject), berNumber(berEnum, neverDeref),
		berNumber(berInteger, oneEntry), berNumber(berInteger, noTimeLimit), berNumber(berBoolean, typesOnly),
		berText(ldapPresent, "objectClass"), ber(berSequence, berText(berOctets, noAttributes)),
	)
	if err := c.send(request); err != nil {
		return false, err
	}
	for {
		tag, content, err := c.read()
		switch {
		case err != nil:
			return false, err
		case tag == ldapEntry:
			found = true
		case tag == ldapSearchDone:
			code, err := ldapCode(content)
			if err != nil {
				return false, err
			}
			return found && code == 0, ldapSearchError(code)
		case tag != ldapReference:
			return false, errNotLDAP
		}
	}
}

// unbind leaves as the protocol wants it. There is no answer.
func (c *ldapConn) unbind() error { return c.send([]byte{ldapUnbind, 0}) }

// ask sends a request with one answer, and returns its result code.
func (c *ldapConn) ask(request []byte, answer byte) (code int, err error) {
	if err := c.send(request); err != nil {
		return 0, err
	}
	tag, content, err := c.read()
	switch {
	case err != nil:
		return 0, err
	case tag != answer:
		return 0, errNotLDAP
	}
	return ldapCode(content)
}

func (c *ldapConn) send(request []byte) error {
	c.id++
	_, err := c.Write(ber(berSequence, berNumber(berInteger, c.id), request))
	return err
}

// read returns the next answer to the last request. A server that shuts down says so in one that nobody has asked for
// (RFC 4511, 4.4.1).
func (c *ldapConn) read() (tag byte, content []byte, err error) {
	tag, size, err := readBERHead(c)
	if err == nil && tag != berSequence {
		err = errNotLDAP
	}
	if err != nil {
		return 0, nil, err
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(c, message); err != nil {
		return 0, nil, err
	}
	fields := bytes.NewReader(message)
	kind, id, err := readBER(fields)
	if err != nil || kind != berInteger || len(id) == 0 {
		return 0, nil, errNotLDAP
	}
	if tag, content, err = readBER(fields); err != nil {
		return 0, nil, errNotLDAP
	}
	switch number := id[len(id)-1]; {
	case number == 0 && tag == ldapExtension:
		return 0, nil, ldapDisconnection(content)
	case number != c.id:
		return 0, nil, errNotLDAP
	}
	return tag, content, nil
}

// ldapCode returns the result code that an answer begins with.
func ldapCode(content []byte) (int, error) {
	tag, code, err := readBER(bytes.NewReader(content))
	if err != nil || tag != berEnum || len(code) != 1 {
		return 0, errNotLDAP
	}
	return int(code[0]), nil
}

// readBER reads one element.
func readBER(r io.Reader) (tag byte, content []byte, err error) {
	tag, size, err := readBERHead(r)
	if err != nil {
		return 0, nil, err
	}
	content = make([]byte, size)
	_, err = io.ReadFull(r, content)
	return tag, content, err
}

// readBERHead reads the tag and the length of an element. Active Directory writes each length in four bytes, which BER
// allows, and DER and the library for it (cryptobyte) do not.
func readBERHead(r io.Reader) (tag byte, size uint32, err error) {
	const long, most = 0x80, 4
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	size = uint32(head[1])
	if size >= long {
		n := int(size - long)
		var digits [most]byte
		if n == 0 || n > most {
			return 0, 0, errNotLDAP
		}
		if _, err := io.ReadFull(r, digits[most-n:]); err != nil {
			return 0, 0, err
		}
		size = binary.BigEndian.Uint32(digits[:])
	}
	if size > maxLDAPMessage {
		return 0, 0, errNotLDAP
	}
	return head[0], size, nil
}

// ber returns an element that consists of others, or of bytes.
func ber(tag byte, parts ...[]byte) []byte {
	const short = 0x7f
	content := slices.Concat(parts...)
	head := []byte{tag, byte(len(content))} //nolint:gosec // else it is replaced
	if len(content) > short {
		const fourBytes = 0x84
		head = binary.BigEndian.AppendUint32([]byte{tag, fourBytes}, uint32(len(content))) //nolint:gosec // passwords are short
	}
	return append(head, content...)
}

func berText(tag byte, s string) []byte { return ber(tag, []byte(s)) }

func berNumber(tag, n byte) []byte { return ber(tag, []byte{n}) }
