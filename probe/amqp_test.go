package probe_test

import (
	"encoding/binary"
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// amqpFrame returns a frame with a method of AMQP.
func amqpFrame(channel byte, class, method uint16, args string) string {
	payload := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, class), method)
	payload = append(payload, args...)
	frame := binary.BigEndian.AppendUint32([]byte{1, 0, channel}, uint32(len(payload)))
	return string(append(append(frame, payload...), 0xce))
}

// amqpClosed returns what a server sends when it closes the connection (class 10, 50) or the channel (20, 40).
func amqpClosed(channel byte, class, method, code uint16) string {
	text := string(binary.BigEndian.AppendUint16(nil, code)) + string([]byte{byte(len(secret))}) + secret + "\x00\x00\x00\x00"
	return amqpFrame(channel, class, method, text)
}

const amqpHeartbeat = "\x08\x00\x00\x00\x00\x00\x00\xce"

// amqpServer answers each method of a client, by class and number, as a server does, unless instead has another answer.
func amqpServer(instead map[[2]byte]string) simserver.Handler {
	answers := map[[2]byte]string{
		{10, 11}: amqpFrame(0, 10, 30, "\x07\xff\x00\x02\x00\x00\x00\x3c"),
		{10, 31}: "",
		{10, 40}: amqpHeartbeat + amqpFrame(0, 10, 41, "\x00"),
		{20, 10}: amqpFrame(1, 20, 11, "\x00\x00\x00\x00"),
		{50, 10}: amqpFrame(1, 50, 11, "\x01q\x00\x00\x00\x00\x00\x00\x00\x00"),
		{40, 10}: amqpFrame(1, 40, 11, ""),
		{60, 40}: "",
		{20, 40}: amqpFrame(1, 20, 41, ""),
		{10, 50}: amqpFrame(0, 10, 51, ""),
	}
	maps.Copy(answers, instead)
	return func(c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
			return
		}
		_, _ = io.WriteString(c, amqpFrame(0, 10, 10, "\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"))
		for {
			var head [7]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
			if _, err := io.ReadFull(c, payload); err != nil {
				return
			}
			if head[0] != 1 {
				continue
			}
			answer, ok := answers[[2]byte{payload[1], payload[3]}]
			if payload[1] == 10 && payload[3] == 11 && !strings.Contains(string(payload), "\x00app\x00"+secret+"\x05en_US") {
				answer = amqpClosed(0, 10, 50, 403)
			}
			if !ok {
				return
			}
			_, _ = io.WriteString(c, answer)
		}
	}
}

func TestAMQP(t *testing.T) {
	t.Parallel()
	up := amqpServer(nil)
	instead := func(class, method byte, answer string) simserver.Handler {
		return amqpServer(map[[2]byte]string{{class, method}: answer})
	}
	login := "app:" + secret + "@"
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		"proto: up":               {up, "", "", ready, ""},
		"proto: another version":  {simserver.Say("AMQP\x00\x01\x00\x00"), "", "", notYet, "another version of AMQP"},
		"proto: another protocol": {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		"proto: shutting down":    {simserver.Say(amqpClosed(0, 10, 50, 320)), "", "", notYet, "shutting down (code 320)"},
		"proto: a huge frame":     {simserver.Say("\x01\x00\x00\x7f\xff\xff\xff"), "", "", notYet, "not understood"},
		"proto: a broken frame":   {simserver.Say("\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\x00"), "", "", notYet, "not understood"},
		"proto: a short close":    {simserver.Say(amqpFrame(0, 10, 50, "\x01")), "", "", notYet, "not understood"},
		"proto: heartbeats only":  {simserver.Say(strings.Repeat(amqpHeartbeat, 40_000)), "", "", notYet, "not understood"},
		"proto: hangs up":         {simserver.HangUp, "", "", notYet, "without an answer"},
		"proto: silent":           {simserver.Silent, "", "", notYet, "sent nothing"},
		"proto: repeats":          {simserver.Echo(""), "", "", notYet, "another version"},
		"tcp: silent":             {simserver.Silent, "", "#level=tcp", ready, ""},
		"auth: right password":    {up, login, "", ready, ""},
		"auth: in a vhost":        {up, login, "/app", ready, ""},
		"auth: wrong password":    {up, "app:x" + secret + "@", "", rejected, "user or password refused (code 403)"},
		"auth: hangs up":          {amqpServer(map[[2]byte]string{{10, 31}: strings.Repeat("x", 9)}), login, "", notYet, "not understood"},
		"auth: no vhost":          {instead(10, 40, amqpClosed(0, 10, 50, 530)), login, "", notYet, "the vhost does not exist (yet)"},
		"auth: vhost starts":      {instead(10, 40, amqpClosed(0, 10, 50, 541)), login, "", notYet, "the vhost is starting (code 541)"},
		"auth: unknown code":      {instead(10, 40, amqpClosed(0, 10, 50, 999)), login, "", notYet, "with an error (code 999)"},
		"auth: a short tune":      {instead(10, 11, amqpFrame(0, 10, 30, "\x00")), login, "", notYet, "not understood"},
		"state: queue":            {up, login, "#queue=q", ready, ""},
		"state: no queue":         {instead(50, 10, amqpClosed(1, 20, 40, 404)), login, "#queue=q", notYet, "queue or exchange does not exist"},
		"state: exclusive":        {instead(50, 10, amqpClosed(1, 20, 40, 405)), login, "#queue=q", notYet, "exclusive"},
		"state: exchange":         {up, login, "#exchange=e", ready, ""},
		"state: no exchange":      {instead(40, 10, amqpClosed(1, 20, 40, 404)), login, "#exchange=e", notYet, "does not exist (yet) (code 404)"},
		"state: publishes":        {up, login, "#level=state", ready, ""},
		"state: an alarm":         {instead(60, 40, amqpFrame(0, 10, 60, "\x0c"+secret)), login, "#level=state", notYet, "blocks publishers"},
		"state: alarm is over":    {instead(60, 40, amqpFrame(0, 10, 61, "")), login, "#level=state", ready, ""},
		"state: may not publish":  {instead(60, 40, amqpClosed(1, 20, 40, 403)), login, "#level=state", ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "amqp://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

func TestAMQPURL(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for raw, want := range map[string]string{
		"amqp://h#level=auth":               "a login needs a user",
		"amqp:///v":                         "missing host",
		"amqp://a,b":                        "amqp has one host",
		"amqp://h/" + long:                  "longer than 255 bytes",
		"amqp://h#queue=" + long:            "longer than 255 bytes",
		"amqp://h?cacertfile=/ca":           `"cacertfile"`,
		"amqp://h?auth_mechanism=" + secret: "want plain, or external",
		"amqps://h?verify=" + secret:        "not verify_peer or verify_none",
		"amqps://h?certfile=/c":             "cert-file and key-file need each other",
		"amqp://h?nonsense=1":               `unknown query key "nonsense"`,
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	for _, raw := range []string{
		"amqp://h?heartbeat=10&connection_timeout=3", "amqp://guest@h//", "amqps://h?verify=verify_none&server_name_indication=x&auth_mechanism=PLAIN",
	} {
		if _, err := probe.Open(raw, probe.Options{}); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// FuzzAMQPAnswer sends any bytes as what a server says.
func FuzzAMQPAnswer(f *testing.F) {
	f.Add(amqpFrame(0, 10, 10, "\x00\x09"))
	f.Add(amqpClosed(0, 10, 50, 320))
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		for _, user := range []string{"", "u:p@"} {
			if err := attemptWithin(t, "amqp://"+user+address+"/v", 100*time.Millisecond); err == nil && len(answer) < 12 {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
