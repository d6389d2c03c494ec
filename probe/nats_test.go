package probe_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// natsServer sends an INFO, and answers a login that has the words of wants, and JetStream with a line and a payload.
func natsServer(info, wants, jetStream string) simserver.Handler {
	return func(c net.Conn) {
		_, _ = fmt.Fprintf(c, "INFO {%s}\r\n", info)
		lines := bufio.NewScanner(c)
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "CONNECT") && !strings.Contains(line, wants):
				_, _ = io.WriteString(c, "-ERR 'Authorization Violation'\r\n")
				return
			case line == "PING":
				_, _ = io.WriteString(c, "INFO {}\r\nPING\r\nPONG\r\n")
			case strings.HasPrefix(line, "PUB $JS.API.INFO "):
				_, _ = io.WriteString(c, jetStream)
			}
		}
	}
}

func natsMessage(payload string) string {
	return fmt.Sprintf("MSG _INBOX.x 1 %d\r\n%s\r\n", len(payload), payload)
}

func TestNATS(t *testing.T) {
	t.Parallel()
	const jetStream = `"jetstream":true`
	const login = "app:" + secret + "@"
	wants := `"user":"app","pass":"` + secret + `"`
	says := func(line string) simserver.Handler { return simserver.Say("INFO {}\r\n" + line) }
	account := natsMessage(`{"type":"io.nats.jetstream.api.v1.account_info_response"}`)
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		"proto: up":                {natsServer("", "", ""), "", "", ready, ""},
		"proto: wants a login":     {natsServer("", wants, ""), "", "", ready, ""},
		"proto: lame duck":         {natsServer(`"ldm":true`, "", ""), "", "", notYet, "lame duck"},
		"proto: full":              {says("-ERR 'maximum connections exceeded'\r\n"), "", "", notYet, "too many connections"},
		"proto: full at once":      {simserver.Say("-ERR 'maximum connections exceeded'\r\n"), "", "", notYet, "too many connections"},
		"proto: shutting down":     {says("-ERR 'Server Shutdown'\r\n"), "", "", notYet, "shutting down"},
		"proto: unknown error":     {says("-ERR '" + secret + "'\r\n"), "", "", notYet, "answered with an error"},
		"proto: another protocol":  {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		"proto: no JSON":           {simserver.Say("INFO x\r\n"), "", "", notYet, "not understood"},
		"proto: an endless line":   {simserver.Say("INFO " + strings.Repeat("x", 1<<20)), "", "", notYet, "not understood"},
		"proto: infos without end": {simserver.Say(strings.Repeat("INFO {}\r\n", 1<<16)), "", "", notYet, "not understood"},
		"proto: hangs up":          {simserver.HangUp, "", "", notYet, "without an answer"},
		"proto: silent":            {simserver.Silent, "", "", notYet, "sent nothing"},
		"proto: no TLS":            {natsServer("", "", ""), "", "#insecure-skip-tls-verify", notYet, "does not offer TLS"},
		"tcp: silent":              {simserver.Silent, "", "#level=tcp", ready, ""},
		"auth: right password":     {natsServer("", wants, ""), login, "", ready, ""},
		"auth: wrong password":     {natsServer("", wants, ""), "app:x" + secret + "@", "", rejected, "user, password or token refused"},
		"auth: token":              {natsServer("", `"auth_token":"`+secret+`"`, ""), secret + "@", "", ready, ""},
		"auth: expired":            {says("-ERR 'User Authentication Expired'\r\n"), login, "", rejected, "expired"},
		"state: JetStream":         {natsServer(jetStream, wants, account), login, "#jetstream", ready, ""},
		"state: disabled":          {natsServer("", wants, account), login, "#jetstream", notYet, "JetStream is not enabled in this server"},
		"state: no leader":         {natsServer(jetStream, wants, natsMessage(`{"type":"x","error":{"code":503,"description":"`+secret+`"}}`)), login, "#jetstream", notYet, "(code 503)"},
		"state: no responders":     {natsServer(jetStream, wants, "HMSG _INBOX.x 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"), login, "#jetstream", notYet, "nothing answers"},
		"state: not allowed":       {natsServer(jetStream, wants, "-ERR 'Permissions Violation for Publish to \"x\"'\r\n"), login, "#jetstream", notYet, "lacks a permission"},
		"state: a huge message":    {natsServer(jetStream, wants, "MSG _INBOX.x 1 999999999\r\n"), login, "#jetstream", notYet, "not understood"},
		"state: no size":           {natsServer(jetStream, wants, "MSG\r\n"), login, "#jetstream", notYet, "not understood"},
		"state: another answer":    {natsServer(jetStream, wants, natsMessage("{}")), login, "#jetstream", notYet, "not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "nats://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

func TestNATSURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"nats://h/path":            "has no path",
		"nats://a,b":               "nats has one host",
		"nats:///":                 "missing host",
		"nats://h?x=" + secret:     `unknown query key "x"`,
		"nats://h#level=state":     "needs jetstream in the fragment",
		"nats://h#jetstream=false": "want jetstream alone",
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// FuzzNATSAnswer sends any bytes as what a server says.
func FuzzNATSAnswer(f *testing.F) {
	for _, answer := range []string{"INFO {}\r\nPONG\r\n", "INFO {\"jetstream\":true}\r\nPONG\r\nMSG a 1 2\r\n{}\r\n", "-ERR\r\n"} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		for _, key := range []string{"", "#jetstream"} {
			if err := attemptWithin(t, "nats://"+address+key, 100*time.Millisecond); err == nil && !strings.HasPrefix(answer, "INFO ") {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
