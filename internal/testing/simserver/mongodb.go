package simserver

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"strings"
)

// MongoDocument returns a document of elements, each of which is one of the functions below.
func MongoDocument(elements ...string) string {
	all := strings.Join(elements, "")
	return little(len(all)+5) + all + "\x00"
}

func little(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) } //nolint:gosec // a test has small ones

// MongoTrue is a flag that is set.
func MongoTrue(name string) string { return "\x08" + name + "\x00\x01" }

// MongoInt is a number.
func MongoInt(name string, value int) string { return "\x10" + name + "\x00" + little(value) }

// MongoText is a string.
func MongoText(name, value string) string {
	return "\x02" + name + "\x00" + little(len(value)+1) + value + "\x00"
}

// MongoBytes is binary data.
func MongoBytes(name, value string) string {
	return "\x05" + name + "\x00" + little(len(value)) + "\x00" + value
}

// MongoArray is an array with one string.
func MongoArray(name string, first string) string {
	return "\x04" + name + "\x00" + MongoDocument(MongoText("0", first))
}

// MongoOK says that a command has succeeded: the double 1.0.
const MongoOK = "\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f"

// MongoMessage returns an answer.
func MongoMessage(elements ...string) string {
	body := little(0) + "\x00" + MongoDocument(elements...)
	return little(16+len(body)) + little(7) + little(1) + little(2013) + body
}

// MongoFailure returns an error with a text.
func MongoFailure(code int, text string) string {
	return MongoMessage("\x01ok\x00\x00\x00\x00\x00\x00\x00\x00\x00", MongoText("errmsg", text), MongoInt("code", code), MongoText("codeName", text))
}

// MongoDB answers each command by what reply returns for the document of the request.
func MongoDB(reply func(request string) string) Handler {
	return func(c net.Conn) {
		for {
			var head [4]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			request := make([]byte, min(binary.LittleEndian.Uint32(head[:])-4, 1<<16))
			if _, err := io.ReadFull(c, request); err != nil {
				return
			}
			_, _ = io.WriteString(c, reply(string(request)))
		}
	}
}

// MongoLogin is a server without a replica set whose users have this password. With long, it ends logins as servers do that
// do not know skipEmptyExchange.
func MongoLogin(password string, long bool) Handler {
	return func(c net.Conn) { MongoDB((&mongoLogin{password: password, long: long}).answer)(c) }
}

// A mongoLogin is the login of one connection, to a server that logs a user in by SCRAM-SHA-256, as RFC 7677 has it.
type mongoLogin struct {
	password string
	first    string // the client's first message, bare
	server   string // the server's first message
	long     bool   // wants an empty message at the end
}

func (s *mongoLogin) answer(request string) string {
	payload := ""
	if _, rest, found := strings.Cut(request, "\x05payload\x00"); found {
		payload = rest[5 : 5+binary.LittleEndian.Uint32([]byte(rest))]
	}
	done := "\x08done\x00\x00"
	switch {
	case strings.Contains(request, "hello"):
		return MongoMessage(MongoTrue("isWritablePrimary"), MongoArray("saslSupportedMechs", "SCRAM-SHA-256"), MongoOK)
	case strings.Contains(request, "ping"):
		return MongoMessage(MongoOK)
	case strings.Contains(request, "saslStart"):
		s.first = strings.TrimPrefix(payload, "n,,")
		_, nonce, _ := strings.Cut(s.first, "r=")
		s.server = "r=" + nonce + "SERVER,s=" + base64.StdEncoding.EncodeToString([]byte("salt")) + ",i=4096"
		return MongoMessage(MongoInt("conversationId", 1), done, MongoBytes("payload", s.server), MongoOK)
	case payload == "":
		return MongoMessage(MongoInt("conversationId", 1), MongoTrue("done"), MongoBytes("payload", ""), MongoOK)
	}
	final, proof, _ := strings.Cut(payload, ",p=")
	signature, ok := s.verify(final, proof)
	if !ok {
		return MongoFailure(18, "Authentication failed.")
	}
	if !s.long {
		done = MongoTrue("done")
	}
	return MongoMessage(MongoInt("conversationId", 1), done, MongoBytes("payload", "v="+signature), MongoOK)
}

// verify checks the client's proof and returns the server's signature.
func (s *mongoLogin) verify(final, proof string) (signature string, ok bool) {
	mac := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		_, _ = io.WriteString(m, text)
		return m.Sum(nil)
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, []byte("salt"), 4096, sha256.Size)
	if err != nil {
		return "", false
	}
	message := s.first + "," + s.server + "," + final
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	want := mac(stored[:], message)
	for i := range want {
		want[i] ^= clientKey[i]
	}
	return base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message)), proof == base64.StdEncoding.EncodeToString(want)
}
