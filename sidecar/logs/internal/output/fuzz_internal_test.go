package output

import (
	"bytes"
	"math"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// FuzzAck reads any answer of a receiver: a text is bounded, and the reader ends.
func FuzzAck(f *testing.F) {
	f.Add(msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), "AAAAAAAAAAAAAAAAAAAAAA=="))
	f.Add(msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "nak"), "x"))
	f.Add(msgp.AppendMapHeader(nil, math.MaxUint32))
	f.Add([]byte{0x81, 0xa3, 'a', 'c', 'k', 0xdb, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x81, 0xa3, 'a', 'c', 'k', 0xc4, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := msgp.NewReaderSize(&limited{r: bytes.NewReader(b), left: maxHandshake}, 1024)
		for {
			id, err := readAck(r)
			if err != nil {
				return
			}
			if len(id) > maxText {
				t.Errorf("an ID of %d bytes", len(id))
			}
		}
	})
}

// FuzzHandshake reads any HELO and PONG.
func FuzzHandshake(f *testing.F) {
	helo := msgp.AppendMapHeader(msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "HELO"), 2)
	helo = msgp.AppendBytes(msgp.AppendString(helo, "nonce"), []byte("n"))
	f.Add(msgp.AppendNil(msgp.AppendString(helo, "auth")))
	pong := msgp.AppendBool(msgp.AppendString(msgp.AppendArrayHeader(nil, 5), "PONG"), true)
	f.Add(append(helo, pong...))
	f.Add([]byte{0x92, 0xa4, 'H', 'E', 'L', 'O', 0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 'x', 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := msgp.NewReaderSize(&limited{r: bytes.NewReader(b), left: maxHandshake}, 1024)
		if g, err := readHelo(r); err == nil && len(g.nonce)+len(g.auth) > 2*maxText {
			t.Errorf("%d bytes", len(g.nonce)+len(g.auth))
		}
		if err := readPong(r, func(string) string { return "never" }); err == nil {
			t.Error("a PONG was accepted whose digest is wrong")
		}
	})
}
