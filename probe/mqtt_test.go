package probe_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// mqttServer answers a CONNECT that has the words of wants with a code, another one with code 5, and a PINGREQ.
func mqttServer(code byte, wants string) simserver.Handler {
	return func(c net.Conn) {
		packet, err := readMQTT(c)
		if err != nil {
			return
		}
		if !strings.Contains(packet, wants) {
			code = 5
		}
		_, _ = c.Write([]byte{0x20, 2, 0, code})
		if packet, _ := readMQTT(c); packet == "\xc0" {
			_, _ = c.Write([]byte{0xd0, 0})
		}
		_, _ = readMQTT(c)
	}
}

// readMQTT returns a packet of fewer than 128 bytes, without its size.
func readMQTT(c net.Conn) (string, error) {
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return "", err
	}
	body := make([]byte, head[1])
	_, err := io.ReadFull(c, body)
	return string(head[:1]) + string(body), err
}

func TestMQTT(t *testing.T) {
	t.Parallel()
	const login = "app:" + secret + "@"
	wants := "\x00\x03app\x00\x0b" + secret
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		"proto: up":               {mqttServer(0, ""), "", "", ready, ""},
		"proto: wants a login":    {mqttServer(0, wants), "", "", ready, ""},
		"proto: another version":  {mqttServer(1, ""), "", "", notYet, "does not support MQTT 3.1.1 (code 1)"},
		"proto: no identifier":    {mqttServer(2, ""), "", "", notYet, "random client identifier (code 2)"},
		"proto: not available":    {mqttServer(3, ""), "", "", notYet, "not available (code 3)"},
		"proto: unknown code":     {mqttServer(9, ""), "", "", notYet, "not understood"},
		"proto: version 5":        {simserver.Say("\x20\x03\x00\x84\x00"), "", "", notYet, "not understood"},
		"proto: another protocol": {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		"proto: no pong":          {simserver.Say("\x20\x02\x00\x00\x20\x02"), "", "", notYet, "not understood"},
		"proto: repeats":          {simserver.Echo(""), "", "", notYet, "not understood"},
		"proto: hangs up":         {simserver.HangUp, "", "", notYet, "without an answer"},
		"proto: silent":           {simserver.Silent, "", "", notYet, "sent nothing"},
		"tcp: silent":             {simserver.Silent, "", "#level=tcp", ready, ""},
		"auth: right password":    {mqttServer(0, wants), login, "", ready, ""},
		"auth: wrong password":    {mqttServer(0, wants), "app:x" + secret + "@", "", rejected, "user or password refused (code 5)"},
		"auth: nobody":            {mqttServer(4, ""), "", "#level=auth", rejected, "refused (code 4)"},
		"auth: anybody":           {mqttServer(0, ""), "", "#level=auth", ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "mqtt://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// TestMQTTIsHarmless looks at what a server sees: another client identifier at each attempt, a clean session, and a DISCONNECT.
func TestMQTTIsHarmless(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	goodbyes := make(chan string, 2)
	address := serve(t, func(c net.Conn) {
		connect, err := readMQTT(c)
		if err != nil {
			return
		}
		mu.Lock()
		seen[connect] = true
		mu.Unlock()
		if flags := connect[8]; flags != 2 {
			t.Errorf("flags %x, want a clean session alone", flags)
		}
		_, _ = io.WriteString(c, "\x20\x02\x00\x00\xd0\x00")
		_, _ = readMQTT(c)
		goodbye, _ := readMQTT(c)
		goodbyes <- goodbye
	})
	for range 2 {
		checkVerdict(t, attempt(t, "mqtt://"+address), ready, "")
		if goodbye := <-goodbyes; goodbye != "\xe0" {
			t.Errorf("%q, want a DISCONNECT", goodbye)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 {
		t.Error("two attempts have the same client identifier")
	}
}

func TestMQTTURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"mqtt://h/topic":           "has no path",
		"mqtt://a,b":               "mqtt has one host",
		"mqtt:///":                 "missing host",
		"mqtt://h?x=" + secret:     `unknown query key "x"`,
		"mqtt://:" + secret + "@h": "a login needs a user",
		"mqtt://" + strings.Repeat("u", 65536) + "@h": "longer than 65535 bytes",
		"mqtt://h#level=state":                        "mqtt has no level state",
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%.50s: %v, want %q", raw, err, want)
		}
	}
}

// FuzzMQTTAnswer sends any bytes as what a server says.
func FuzzMQTTAnswer(f *testing.F) {
	f.Add("\x20\x02\x00\x00\xd0\x00")
	f.Add("\x20\x02\x00\x05")
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		if err := attemptWithin(t, "mqtt://"+address, 100*time.Millisecond); err == nil && !strings.HasPrefix(answer, "\x20\x02") {
			t.Errorf("ready after %q", answer)
		}
	})
}
