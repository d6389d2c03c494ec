package probe_test

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	withPassword := simserver.Postgres{Password: secret, Value: []byte("1")}.Handle
	answers := func(value string) simserver.Handler { return simserver.Postgres{Value: []byte(value)}.Handle }
	refuses := func(code string) simserver.Handler { return simserver.Postgres{Refuse: code}.Handle }
	answersNo := func(c net.Conn) { // to the request for TLS, and is then silent
		_, _ = c.Read(make([]byte, 8))
		_, _ = c.Write([]byte("N"))
		simserver.Silent(c)
	}
	for _, tt := range []struct {
		name   string
		server simserver.Handler
		target string // after the host
		want   verdict
		text   string
	}{
		{"proto: asks for a password", simserver.PostgresAsksPassword, "/app", ready, ""},
		{"proto: trusts us", answers("1"), "/app", ready, ""},
		{"proto: starting", refuses("57P03"), "/app", notYet, "SQLSTATE 57P03"},
		{"proto: no such user is up", refuses("28000"), "/app", ready, ""},
		{"proto: full is up", refuses("53300"), "/app", ready, ""},
		{"proto: hangs up", simserver.HangUp, "/app", notYet, "without an answer"},
		{"proto: silent", simserver.Silent, "/app", notYet, "sent nothing"},
		{"proto: another protocol", simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "/app", notYet, "not understood"},
		{"proto: TLS is wanted and not offered", simserver.PostgresAsksPassword, "/app?sslmode=require", notYet, "does not offer TLS"},
		{"tcp: settles", simserver.HangUp, "/app#level=tcp&settle=1m", notYet, "closed it at once"},
		{"tcp: accepts", simserver.Silent, "/app#level=tcp", ready, ""},

		{"auth: right password", withPassword, "/app?password=" + secret, ready, ""},
		{"auth: wrong password", withPassword, "/app?password=x" + secret, rejected, "SQLSTATE 28P01"},
		{"auth: starting", refuses("57P03"), "/app?password=x", notYet, "SQLSTATE 57P03"},
		{"auth: full", refuses("53300"), "/app?password=x", notYet, "too many clients"},
		{"auth: no pg_hba line", refuses("28000"), "/app?password=x", rejected, "login refused"},
		{"auth: no database yet", refuses("3D000"), "/app?password=x", notYet, "does not exist"},
		{"auth: an unknown code", refuses("ZZ999"), "/app?password=x", notYet, "SQLSTATE ZZ999"},
		{"auth: the password as the code", refuses(secret), "/app?password=" + secret, notYet, "without a valid SQLSTATE"},
		{"auth: a code of class 28 that is none", refuses("28-"), "/app?password=x", notYet, "without a valid SQLSTATE"},
		{"auth: hangs up", simserver.HangUp, "/app?password=x", notYet, "without an answer"},
		{"auth: silent", simserver.Silent, "/app?password=x", notYet, "sent nothing"},
		{"auth: TLS is wanted and not offered", withPassword, "/app?sslmode=require&password=x", notYet, "does not offer TLS"},
		{"auth: no password, asked for by level", answers("1"), "/app#level=auth", ready, ""},

		{"state: a row", answers("t"), "/app#sql=SELECT%20x", ready, ""},
		{"state: false", answers("f"), "/app#sql=SELECT%20x", notYet, "false, 0 or null"},
		{"state: zero", answers("0"), "/app#sql=SELECT%20x", notYet, "false, 0 or null"},
		{"state: null", simserver.Postgres{}.Handle, "/app#sql=SELECT%20x", notYet, "false, 0 or null"},
		{"state: nothing but zeros", answers("0.00"), "/app#sql=SELECT%20x", notYet, "false, 0 or null"},
		{"state: a value larger than memory", simserver.Postgres{Value: make([]byte, 1<<20)}.Handle, "/app#sql=SELECT%20x", notYet, "not understood"},
		{"auth: repeats what it was sent", simserver.Echo("E\x00\x00\x00\xffC"), "/app?password=" + secret, notYet, ""},
		{"auth: asks for TLS in vain, then silence", answersNo, "/app?password=x", notYet, "did not finish its answer"},
		{"state: no row", simserver.Postgres{NoRows: true}.Handle, "/app#sql=SELECT%20x", notYet, "no row"},
		{"state: no table yet", refuses("42P01"), "/app#sql=SELECT%20x", notYet, "relation does not exist"},
		{"state: syntax error", refuses("42601"), "/app#sql=SELECTT", permanent, "syntax error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, "postgres://app@"+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// TestPostgresReadsOneRow of a billion.
func TestPostgresReadsOneRow(t *testing.T) {
	address := serve(t, simserver.Postgres{Value: []byte("1"), Rows: 1e9}.Handle)
	checkVerdict(t, attempt(t, "postgres://app@"+address+"/app#sql=SELECT%20x"), ready, "")
}

func TestPostgresPasswordFileIsReadAgain(t *testing.T) {
	address := serve(t, simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	name := secretFile(t, "an older password")
	target := open(t, "postgres://app@"+address+"/app#password-file="+escape(name), probe.Options{})
	checkVerdict(t, target.Probe(t.Context()), rejected, "28P01")
	rewrite(t, name, secret+"\n")
	checkVerdict(t, target.Probe(t.Context()), ready, "")
	remove(t, name)
	checkVerdict(t, target.Probe(t.Context()), notYet, "does not exist yet")
}

func TestPostgresAnyOfSeveralHosts(t *testing.T) {
	refused := listen(t, simserver.Silent)
	refused.Close()
	up := serve(t, simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	starting := serve(t, simserver.Postgres{Refuse: "57P03"}.Handle)
	silent := serve(t, simserver.Silent)
	for _, query := range []string{"", "?password=" + secret} {
		for _, hosts := range []string{refused.Addr() + "," + up, starting + "," + up, silent + "," + up, up + "," + refused.Addr(), strings.Repeat(silent+",", 10) + up} {
			check(t, "postgres://app@"+hosts+"/app"+query, ready, "")
		}
		checkVerdict(t, attempt(t, "postgres://app@"+refused.Addr()+","+starting+"/app"+query), notYet, "57P03")
	}
}

// TestPostgresPrefersAStandby takes any server where none is a standby.
func TestPostgresPrefersAStandby(t *testing.T) {
	primary := serve(t, simserver.Postgres{Password: secret, Value: []byte("off")}.Handle)
	for attrs, want := range map[string]verdict{"prefer-standby": ready, "standby": notYet, "any": ready} {
		check(t, "postgres://app:"+secret+"@"+primary+","+primary+"/app?target_session_attrs="+attrs, want, "")
	}
}

// TestPostgresTakesNothingFromTheEnvironment names another server, user and
// password, and TLS files that do not exist.
func TestPostgresTakesNothingFromTheEnvironment(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{
		"PGHOST": "inith.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "x" + secret, "PGSSLMODE": "verify-full",
		"PGSSLROOTCERT": "/nonexistent", "PGSSLCERT": "/nonexistent", "PGSSLKEY": "/nonexistent", "PGTARGETSESSIONATTRS": "standby",
		"PGPASSFILE": secretFile(t, "*:*:*:*:x"+secret), "HOME": home,
	} {
		t.Setenv(name, value)
	}
	up := serve(t, simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	checkVerdict(t, attempt(t, "postgres://app:"+secret+"@"+up+"/app"), ready, "")
}

// FuzzPostgresAnswer sends any bytes for the answer of a server: the attempt
// ends, and never reports ready unless the server said so.
func FuzzPostgresAnswer(f *testing.F) {
	for _, answer := range []string{"R\x00\x00\x00\x08\x00\x00\x00\x00", "E\x00\x00\x00\x0eC57P03\x00\x00\x00\x00", "N\x00\x00\x00\x04", "EFATAL", "S", "R\xff\xff\xff\xff", "v\x00\x00\x00\x0c\x00\x03\x00\x00\x00\x00\x00\x00"} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 512))
			_, _ = c.Write([]byte(answer))
		})
		err := attemptWithin(t, (&url.URL{Scheme: "postgres", Host: address, Path: "/app"}).String(), 100*time.Millisecond)
		if err == nil && len(answer) < 6 {
			t.Errorf("ready after %q", answer)
		}
	})
}
