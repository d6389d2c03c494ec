package probe_test

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
)

// mySQLPacket returns a packet of MySQL.
func mySQLPacket(sequence byte, payload string) string {
	return string([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, sequence}) + payload
}

func mySQLError(sequence byte, number uint16) string {
	return mySQLPacket(sequence, "\xff"+string(binary.LittleEndian.AppendUint16(nil, number))+"#HY000"+secret)
}

// mySQLServer greets, wants a login by a plugin, and answers it with packets, each after one of the client's.
func mySQLServer(answers ...string) simserver.Handler {
	return func(c net.Conn) {
		hello := "\x0a8.4.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + "\xff\xff" + "\x21" + "\x02\x00" + "\xff\xff" + "\x15" +
			strings.Repeat("\x00", 10) + "123456789012\x00" + "caching_sha2_password\x00"
		_, _ = c.Write([]byte(mySQLPacket(0, hello)))
		buffer := make([]byte, 512)
		for _, answer := range answers {
			if n, err := c.Read(buffer); err != nil || n < 4 {
				return
			}
			_, _ = c.Write([]byte(answer))
		}
		_, _ = c.Read(buffer)
	}
}

func TestMySQLProto(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server simserver.Handler
		query  string
		want   verdict
		text   string
	}{
		"no such user":          {mySQLServer(mySQLError(2, 1045)), "", ready, ""},
		"accepts anybody":       {mySQLServer(mySQLPacket(2, "\x00\x00\x00\x02\x00\x00\x00")), "", ready, ""},
		"another plugin":        {mySQLServer(mySQLPacket(2, "\xfemysql_native_password\x00salt"), mySQLError(4, 1045)), "", ready, ""},
		"wants a clear text":    {mySQLServer(mySQLPacket(2, "\x01\x04"), mySQLError(4, 1045)), "", ready, ""},
		"requires TLS":          {mySQLServer(mySQLError(2, 3159)), "", ready, ""},
		"shutting down":         {mySQLServer(mySQLError(2, 1053)), "", notYet, "shutting down (error 1053)"},
		"full":                  {simserver.Say(mySQLError(0, 1040)), "", notYet, "too many connections (error 1040)"},
		"blocked":               {simserver.Say(mySQLError(0, 1129)), "", permanent, "blocked this host (error 1129)"},
		"not for this host":     {simserver.Say(mySQLError(0, 1130)), "", rejected, "does not accept this host (error 1130)"},
		"an old protocol":       {simserver.Say(mySQLPacket(0, "\x093.23\x00")), "", notYet, "not understood"},
		"another protocol":      {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", notYet, "not understood"},
		"asks without end":      {mySQLServer(strings.Repeat(mySQLPacket(2, "\x01\x04"), 9)), "", notYet, ""},
		"an error without code": {mySQLServer(mySQLPacket(2, "\xff")), "", notYet, "not understood"},
		"hangs up":              {simserver.HangUp, "", notYet, "without an answer"},
		"silent":                {simserver.Silent, "", notYet, "sent nothing"},
		"without TLS":           {simserver.Say(mySQLPacket(0, "\x0a5\x00\x01\x00\x00\x0012345678\x00\x00\x00")), "?ssl-mode=required", notYet, "does not offer TLS"},
		"repeats the login":     {simserver.Echo("\x08\x00\x00\x00\xff"), "", notYet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "mysql://"+serve(t, tt.server)+tt.query, tt.want, tt.text)
		})
	}
}

// TestMySQLLogin has a server that refuses logins. What else it may answer is tested with real ones.
func TestMySQLLogin(t *testing.T) {
	t.Parallel()
	login := "mysql://app:" + secret + "@"
	for name, tt := range map[string]struct {
		server simserver.Handler
		target string
		want   verdict
		text   string
	}{
		"wrong password": {mySQLServer(mySQLError(2, 1045)), "?ssl-mode=disabled", rejected, "user or password refused (error 1045)"},
		"no database":    {mySQLServer(mySQLError(2, 1049)), "/app?ssl-mode=disabled", notYet, "does not exist (yet) (error 1049)"},
		"full":           {simserver.Say(mySQLError(0, 1040)), "", notYet, "too many connections"},
		"blocked":        {simserver.Say(mySQLError(0, 1129)), "", permanent, "blocked"},
		"unknown error":  {mySQLServer(mySQLError(2, 9999)), "?ssl-mode=disabled", notYet, "answered with an error (error 9999)"},
		"unknown plugin": {mySQLServer(mySQLPacket(2, "\xfe"+secret+"\x00salt")), "?ssl-mode=disabled", notYet, "authentication plugin"},
		"a flood":        {mySQLServer(strings.Repeat("\xff\xff\xff\x02x", 1<<20)), "?ssl-mode=disabled", notYet, ""},
		"hangs up":       {simserver.HangUp, "", notYet, "without an answer"},
		"silent":         {simserver.Silent, "", notYet, "sent nothing"},
		"tcp":            {simserver.Silent, "#level=tcp", ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, login+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// FuzzMySQLAnswer sends any bytes for the greeting of a server.
func FuzzMySQLAnswer(f *testing.F) {
	f.Add(mySQLPacket(0, "\x0a8.4.0\x00\x01\x00\x00\x0012345678\x00\xff\xff\x21\x02\x00\xff\xff\x15"))
	f.Add(mySQLError(0, 1040))
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		for _, user := range []string{"", "u:p@"} {
			if err := attemptWithin(t, "mysql://"+user+address, 100*time.Millisecond); err == nil && len(answer) < 30 {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
