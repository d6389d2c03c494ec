package probe_test

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"strings"
	"testing"
)

// Types of records (RFC 1035, RFC 2782).
const (
	typeA   = 1
	typeTXT = 16
	typeSRV = 33
)

// Answers of a name server.
const (
	noError  = 0
	servFail = 2
	noName   = 3
)

// A zone returns the records of a type that a name has, and the code of the answer.
type zone func(name string, kind uint16) (records []string, code byte)

// nameServer starts a name server and returns its address.
func nameServer(t *testing.T, z zone) string {
	t.Helper()
	socket, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(packet)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(z.answer(packet[:n]), from)
		}
	}()
	return socket.LocalAddr().String()
}

func resolverAt(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

// answer returns the answer to a query.
func (z zone) answer(query []byte) []byte {
	const head = 12
	var labels []string
	end := head
	for query[end] != 0 {
		labels = append(labels, string(query[end+1:end+1+int(query[end])]))
		end += 1 + int(query[end])
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	end += 5
	records, code := z(strings.ToLower(strings.Join(labels, ".")), kind)
	reply := append([]byte(nil), query[0], query[1], 0x81, 0x80|code, 0, 1, 0, byte(len(records)), 0, 0, 0, 0)
	reply = append(reply, query[head:end]...)
	for _, r := range records {
		reply = append(reply, 0xc0, head, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, byte(len(r)>>8), byte(len(r)))
		reply = append(reply, r...)
	}
	return reply
}

// textRecord and srvRecord return the data of records.
func textRecord(text string) string { return string([]byte{byte(len(text))}) + text }

func srvRecord(host, port string) string {
	n, _ := strconv.Atoi(port)
	record := string([]byte{0, 0, 0, 0, byte(n >> 8), byte(n)})
	for label := range strings.SplitSeq(host, ".") {
		record += textRecord(label)
	}
	return record + "\x00"
}
