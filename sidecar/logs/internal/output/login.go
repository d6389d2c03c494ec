package output

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"net"

	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/internal/usererr"
)

// A Login proves to a receiver that both know a key.
type Login struct {
	Host      string                 // our name
	SharedKey func() (string, error) // asked for at each connection
	User      string                 // "" for none
	Password  func() (string, error)
}

// maxHandshake is how many bytes a receiver may send before it is known.
const maxHandshake = 16 << 10

// A greeting is what a receiver begins with: HELO.
type greeting struct{ nonce, auth string }

// shake does the handshake: HELO comes, PING goes, PONG comes.
func (l *Login) shake(conn net.Conn, a *acks) error {
	g, err := readHelo(a.r)
	if err != nil {
		return connectionClosed(err)
	}
	key, err := l.SharedKey()
	if err != nil {
		return err
	}
	user, digest := "", ""
	if g.auth != "" && l.User != "" {
		password, err := l.Password()
		if err != nil {
			return err
		}
		user, digest = l.User, hexSum(g.auth, l.User, password)
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	ping := msgp.AppendString(msgp.AppendArrayHeader(nil, 6), "PING")
	ping = msgp.AppendBytes(msgp.AppendString(ping, l.Host), salt)
	ping = msgp.AppendString(ping, hexSum(string(salt), l.Host, g.nonce, key))
	ping = msgp.AppendString(msgp.AppendString(ping, user), digest)
	if _, err := conn.Write(ping); err != nil {
		return err
	}
	return connectionClosed(readPong(a.r, func(host string) string { return hexSum(string(salt), host, g.nonce, key) }))
}

func hexSum(parts ...string) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readHelo reads ["HELO", {"nonce": n, "auth": a, "keepalive": k}].
func readHelo(r *msgp.Reader) (g greeting, err error) {
	n, err := r.ReadArrayHeader()
	if err != nil {
		return g, foreign(err)
	}
	word, err := readText(r)
	if err != nil {
		return g, err
	}
	if n != 2 || word != "HELO" {
		return g, errForeign
	}
	count, err := r.ReadMapHeader()
	if err != nil {
		return g, foreign(err)
	}
	for range min(count, 64) {
		key, err := readText(r)
		if err != nil {
			return g, err
		}
		switch key {
		case "nonce":
			g.nonce, err = readText(r)
		case "auth":
			g.auth, err = readText(r)
		default:
			err = foreign(r.Skip())
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

// readPong reads ["PONG", ok, reason, host, digest]. The receiver's reason is not shown: it may quote what we sent.
func readPong(r *msgp.Reader, want func(host string) string) error {
	n, err := r.ReadArrayHeader()
	if err != nil {
		return foreign(err)
	}
	word, err := readText(r)
	if err != nil {
		return err
	}
	if n != 5 || word != "PONG" {
		return errForeign
	}
	ok, err := r.ReadBool()
	if err != nil {
		return foreign(err)
	}
	var texts [3]string
	for i := range texts {
		if texts[i], err = readText(r); err != nil {
			return err
		}
	}
	if !ok {
		return &usererr.Error{Text: "the receiver refuses the login", Hint: "check the shared key, the user and the password, and that the receiver admits this client"}
	}
	if subtle.ConstantTimeCompare([]byte(texts[2]), []byte(want(texts[1]))) != 1 {
		return &usererr.Error{Text: "the receiver does not know the shared key", Hint: "check that both have the same key; if so, somebody else answers at this address"}
	}
	return nil
}
