package probe_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// Answers of LDAP (RFC 4511), each after the number of its request.
const (
	bound      = 0x61
	entry      = 0x64
	searchDone = 0x65
	reference  = 0x73
	extended   = 0x78
)

// ldapAnswer returns an answer with a result code and a text. Its lengths have four bytes, as those of Active Directory.
func ldapAnswer(id, tag, code byte) string {
	result := "\x0a\x01" + string([]byte{code}) + "\x04\x00" + element(0x04, secret)
	return element(0x30, "\x02\x01"+string([]byte{id})+element(tag, result))
}

func element(tag byte, content string) string {
	return string(binary.BigEndian.AppendUint32([]byte{tag, 0x84}, uint32(len(content)))) + content
}

// An ldapServer has one user and one entry.
type ldapServer struct {
	user, password string // "": any may log in
	base           string
	bind, search   byte // the result codes, unless the login is wrong or the entry another one
	config         *tls.Config
}

func (s ldapServer) serve(c net.Conn) {
	request := make([]byte, 4<<10)
	for {
		n, err := c.Read(request)
		if err != nil || n < 6 {
			return
		}
		id, op := request[4], request[5]
		if request[1] == 0x84 {
			id, op = request[8], request[9]
		}
		switch op {
		case 0x60:
			code := s.bind
			if s.user != "" && !bytes.Contains(request[:n], []byte(s.user+"\x80"+string(rune(len(s.password)))+s.password)) {
				code = 49
			}
			_, _ = io.WriteString(c, ldapAnswer(id, bound, code))
		case 0x63:
			_, _ = io.WriteString(c, s.found(id, request[:n]))
		case 0x77:
			code := byte(0)
			if s.config == nil {
				code = 2
			}
			_, _ = io.WriteString(c, ldapAnswer(id, extended, code))
			if s.config != nil {
				c = tls.Server(c, s.config)
			}
		default:
			return
		}
	}
}

func (s ldapServer) found(id byte, request []byte) string {
	switch {
	case bytes.Contains(request, []byte{0x63, byte(len(request) - 7), 0x04, 0}) || bytes.Contains(request, []byte(s.base)) && s.base != "":
		return ldapAnswer(id, reference, 0) + ldapAnswer(id, entry, 0) + ldapAnswer(id, searchDone, s.search)
	default:
		return ldapAnswer(id, searchDone, 32)
	}
}

func TestLDAP(t *testing.T) {
	t.Parallel()
	const user = "cn=app,dc=example"
	const login, wrong = user + ":" + secret + "@", user + ":x" + secret + "@"
	known := ldapServer{user: user, password: secret, base: "dc=example"}
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		"proto: up":                    {ldapServer{}.serve, "", "", ready, ""},
		"proto: no anonymous login":    {ldapServer{bind: 48}.serve, "", "", ready, ""},
		"proto: wants TLS":             {ldapServer{bind: 13}.serve, "", "", ready, ""},
		"proto: wrong password":        {known.serve, wrong, "#level=proto", ready, ""},
		"proto: busy":                  {ldapServer{bind: 51}.serve, "", "", notYet, "busy (code 51)"},
		"proto: unavailable":           {ldapServer{bind: 52}.serve, "", "", notYet, "starting or shutting down (code 52)"},
		"proto: shuts down":            {replies(ldapAnswer(0, extended, 52)), "", "", notYet, "shutting down (code 52)"},
		"proto: disconnects":           {replies(ldapAnswer(0, extended, 8)), "", "", notYet, "ended the connection (code 8)"},
		"proto: another request's":     {replies(ldapAnswer(7, bound, 0)), "", "", notYet, "not understood"},
		"proto: another answer":        {replies(ldapAnswer(1, searchDone, 0)), "", "", notYet, "not understood"},
		"proto: no code":               {replies(element(0x30, "\x02\x01\x01"+element(bound, secret))), "", "", notYet, "not understood"},
		"proto: another protocol":      {replies("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		"proto: repeats the request":   {simserver.Echo(""), "", "", notYet, "not understood"},
		"proto: announces much":        {replies("\x30\x84\x7f\xff\xff\xff"), "", "", notYet, "not understood"},
		"proto: announces too much":    {replies("\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"), "", "", notYet, "not understood"},
		"proto: half an answer":        {replies("\x30\x0c\x02\x01"), "", "", notYet, "did not finish"},
		"proto: hangs up":              {simserver.HangUp, "", "", notYet, "without an answer"},
		"proto: silent":                {simserver.Silent, "", "", notYet, "sent nothing"},
		"tcp: silent":                  {simserver.Silent, "", "#level=tcp", ready, ""},
		"auth: right password":         {known.serve, login, "", ready, ""},
		"auth: wrong password":         {known.serve, wrong, "", rejected, "user or password refused (code 49)"},
		"auth: inactive":               {ldapServer{bind: 53}.serve, login, "", rejected, "refused (code 53)"},
		"auth: wants TLS":              {ldapServer{bind: 13}.serve, login, "", notYet, "wants TLS"},
		"auth: no such user":           {ldapServer{bind: 32}.serve, login, "", notYet, "user does not exist"},
		"auth: no DN":                  {ldapServer{bind: 34}.serve, login, "", notYet, "does not take this for a DN"},
		"auth: unavailable":            {ldapServer{bind: 52}.serve, login, "", notYet, "unavailable"},
		"auth: another result":         {ldapServer{bind: 80}.serve, login, "", notYet, "refuses the request (code 80)"},
		"auth: search refused":         {ldapServer{search: 50}.serve, login, "", ready, ""},
		"auth: search unavailable":     {ldapServer{search: 52}.serve, login, "", notYet, "unavailable"},
		"auth: search unanswered":      {replies(ldapAnswer(1, bound, 0)), login, "", notYet, "did not finish"},
		"auth: another answer":         {replies(ldapAnswer(1, bound, 0), ldapAnswer(2, bound, 0)), login, "", notYet, "not understood"},
		"state: exists":                {known.serve, login, "#base=dc=example", ready, ""},
		"state: in the path":           {known.serve, login, "/dc=example?uid?sub#level=state", ready, ""},
		"state: anonymous":             {ldapServer{base: "dc=example"}.serve, "", "#base=dc=example", ready, ""},
		"state: missing":               {known.serve, login, "#base=dc=other", notYet, "does not exist (yet), or may not be read"},
		"state: hidden":                {ldapServer{search: 50, base: "dc=example"}.serve, "", "#base=dc=example", notYet, "may not be read"},
		"state: no anonymous login":    {ldapServer{bind: 48}.serve, "", "#base=dc=example", notYet, "refuses anonymous logins"},
		"state: wants a login":         {ldapServer{search: 1, base: "dc=example"}.serve, "", "#base=dc=example", notYet, "refuses the search"},
		"state: entries without end":   {endlessEntries, "", "#base=dc=example", notYet, "not understood"},
		"state: busy with the request": {ldapServer{search: 51, base: "dc=example"}.serve, "", "#base=dc=example", notYet, "busy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "ldap://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// endlessEntries answers a search with more than any has.
func endlessEntries(c net.Conn) {
	replies := []string{ldapAnswer(1, bound, 0), strings.Repeat(ldapAnswer(2, entry, 0), 1<<14)}
	request := make([]byte, 1<<10)
	for _, reply := range replies {
		if _, err := c.Read(request); err != nil {
			return
		}
		_, _ = io.WriteString(c, reply)
	}
}

// TestLDAPByTLS asks a server from the first byte, and one that starts TLS when it is asked to.
func TestLDAPByTLS(t *testing.T) {
	t.Parallel()
	site := httptest.NewUnstartedServer(nil)
	site.StartTLS()
	t.Cleanup(site.Close)
	config := site.TLS.Clone()
	config.NextProtos = nil
	server := ldapServer{user: "cn=app", password: secret, config: config}
	direct := serve(t, func(c net.Conn) { server.serve(tls.Server(c, config)) })
	started := serve(t, server.serve)
	const login, skip = "cn=app:" + secret + "@", "#insecure-skip-tls-verify"
	check(t, "ldaps://"+login+direct+skip, ready, "")
	check(t, "ldaps://"+login+direct, notYet, "unknown authority")
	check(t, "ldaps://"+login+started+skip, notYet, "")
	check(t, "ldap+starttls://"+login+started+skip, ready, "")
	check(t, "ldap+starttls://"+login+started, notYet, "unknown authority")
	check(t, "ldap+starttls://"+serve(t, ldapServer{}.serve)+skip, notYet, "does not offer StartTLS (code 2)")
	check(t, "ldap+starttls://"+serve(t, replies(ldapAnswer(1, extended, 52)))+skip, notYet, "unavailable")
}

func TestLDAPEmptyPassword(t *testing.T) {
	t.Parallel()
	s := serve(t, ldapServer{}.serve) // accepts it, as RFC 4513, 5.1.2 allows
	check(t, "ldap://cn=app@"+s+"#password-file="+escape(secretFile(t, "\n")), notYet, "password is empty")
	check(t, "ldap://cn=app@"+s+"#password-file=/nonexistent", notYet, "does not exist yet")
}

func TestLDAPURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"ldap://a,b":                         "ldap has one host",
		"ldap:///dc=example":                 "missing host",
		"ldap://h#ca-file=/x":                `unknown fragment key "ca-file"`,
		"ldap://h/dc=a?sslmode=" + secret:    `unknown query key "sslmode"`,
		"ldap://h/dc=a?uid?sub?(a=b)?!x-tls": "StartTLS is ldap+starttls://host",
		"ldap://h#level=auth":                "a login needs a user",
		"ldap://:" + secret + "@h":           "a login needs a user",
		"ldap://cn=app@h#level=auth":         "a login needs a password",
		"ldap://h#level=state":               "level state needs base",
		"ldap://h#base=dc=a&level=auth":      "base asks for level state",
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	for raw, want := range map[string]string{
		"ldap://h":                                    "ldap://h:389 ldap proto",
		"ldaps://cn=a,dc=b:" + secret + "@h":          "ldaps://h:636 ldaps auth",
		"ldap+starttls://h/dc=a":                      "ldap+starttls://h:389/dc=a ldaps proto",
		"ldap://h/dc=a?uid?sub?(mail=" + secret + ")": "ldap://h:389/dc=a?… ldap proto",
		"ldap://h#base=ou=people,dc=a":                "ldap://h:389 ldap state",
	} {
		target := open(t, raw, probe.Options{})
		if got := fmt.Sprint(target.Name, " ", target.Kind, " ", target.Level); got != want {
			t.Errorf("Open(%q): %s, want %s", raw, got, want)
		}
	}
}

// FuzzLDAPAnswer sends any bytes for the answers of a server.
func FuzzLDAPAnswer(f *testing.F) {
	f.Add([]byte(ldapAnswer(1, bound, 0)))
	f.Add([]byte(ldapAnswer(1, bound, 0) + ldapAnswer(2, entry, 0) + ldapAnswer(2, searchDone, 0)))
	f.Add([]byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		address := serve(t, simserver.Say(string(answer)))
		for _, key := range []string{"", "#base=dc=example"} {
			err := attemptWithin(t, "ldap://"+address+key, 100*time.Millisecond)
			if err == nil && (len(answer) < 2 || answer[0] != 0x30) {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
