package probe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/probe"
)

func TestOpen(t *testing.T) {
	type target struct {
		Name, Kind, Level string
	}
	for _, tt := range []struct {
		raw  string
		want target
	}{
		{"db:5432", target{"postgres://db:5432", "postgres", "proto"}},
		{"cache:6379", target{"redis://cache:6379", "redis", "proto"}},
		{"web:8080", target{"tcp://web:8080", "tcp", "tcp"}},
		{"tcp://[::1]:80", target{"tcp://[::1]:80", "tcp", "tcp"}},
		{"[::1]:5432", target{"postgres://[::1]:5432", "postgres", "proto"}},
		{"db:5432#level=tcp", target{"postgres://db:5432", "postgres", "tcp"}},
		{"tcp://db:5432", target{"tcp://db:5432", "tcp", "tcp"}},
		{"unix:///run/app.sock", target{"unix:///run/app.sock", "unix", "tcp"}},
		{"http://api", target{"http://api:80", "http", "state"}},
		{"https://api/health?full=1#status=204&timeout=1s", target{"https://api:443/health?…", "https", "state"}},
		{"http://api#level=proto", target{"http://api:80", "http", "proto"}},
		{"postgresql://app:" + secret + "@db/app?sslmode=disable", target{"postgresql://db:5432/app?sslmode=disable", "postgres", "auth"}},
		{"postgres://app@db/app", target{"postgres://db:5432/app", "postgres", "proto"}},
		{"postgres://db/app#level=auth&password-file=/run/secrets/db", target{"postgres://db:5432/app", "postgres", "auth"}},
		{"postgres://app@db/app#sql=SELECT%201", target{"postgres://db:5432/app", "postgres", "state"}},
		{"postgres://h1:5432,h2:5433/app?target_session_attrs=primary", target{"postgres://h1:5432,h2:5433/app?target_session_attrs=primary", "postgres", "state"}},
		{"postgres:///app?host=/var/run/postgresql", target{"postgres:///app?host=/var/run/postgresql", "postgres", "proto"}},
		{"redis://:" + secret + "@cache/1", target{"redis://cache:6379/1", "redis", "auth"}},
		{"rediss://cache#key=ready", target{"rediss://cache:6379", "rediss", "state"}},
		{"valkey://cache", target{"valkey://cache:6379", "redis", "proto"}},
		{"valkeys://cache#role=master&ca-file=/ca.pem", target{"valkeys://cache:6379", "rediss", "state"}},
	} {
		got := open(t, tt.raw, probe.Options{})
		if diff := cmp.Diff(tt.want, target{got.Name, got.Kind, got.Level.String()}); diff != "" {
			t.Errorf("Open(%q) (-want +got):\n%s", tt.raw, diff)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"db", "not host:port"},
		{"jobb/migrate", "did you mean job/NAME?"},
		{"::1:5432", "[::1]:80"},
		{"user:" + secret + "@db:5432", "not host:port"},
		{"jdbc:postgresql://db/app?password=" + secret, "jdbc"},
		{"postgress://db", `did you mean "postgres"`},
		{secret + "://db", "unknown scheme"},
		{"tcp://db", "missing port"},
		{"tcp://db:0", "not a number from 1 to 65535"},
		{"tcp://db:99999", "not a number from 1 to 65535"},
		{"tcp://:80", "missing host"},
		{"tcp://u:" + secret + "@db:80", "without user"},
		{"unix://run/app.sock", "three slashes"},
		{"postgres://db/app#lvel=auth", `did you mean "level"`},
		{"postgres://db/app#" + secret, "after # comes key=value"},
		{"postgres://db/app#level=ahth", `did you mean "auth"`},
		{"tcp://db:80#level=auth", "has no level auth, only tcp"},
		{"postgres://db/app#settle=1s", "settle belongs to level tcp"},
		{"postgres://db/app#level=proto&sql=SELECT%201", "sql asks for level state"},
		{"postgres://db/app#level=auth&level=proto", "given twice"},
		{"postgres://db/app#password-file=a&password-file=b", `"password-file" is given twice`},
		{"postgres://db/app?password=" + secret + "&password=" + secret, `query key "password" is given twice`},
		{"redis://db?db=1&db=2", `query key "db" is given twice`},
		{"redis://a,b:6379", "redis has one host"},
		{"postgres://u:" + secret + "@${DB_HOST}/db", "was not expanded"},
		{"'redis://:" + secret + "@cache'", "begins with a quote"},
		{"tcp://a,b:1", "tcp has one host"},
		{"http://a,b/", "http has one host"},
		{"redis+sentinel://db/0", "want the name of the master in the path"},
		{"redis+sentinel://db", "want the name of the master in the path"},
		{"redis+foo://db/0", `redis with a driver or mode "foo" is not supported`},
		{"redis+unix://run/redis.sock", "three slashes"},
		{"redis+cluster://a,b/x", "the database is not a number"},
		{"postgres://db/app#timeout=3", "not a duration"},
		{"postgres://db/app#timeout=0s", "at least 1ms"},
		{"tcp://db:80#settle=-1s", "at least 0s"},
		{"postgres://db/app#sql=", "no value"},
		{"postgres://db/app#level=state", "level state needs sql="},
		{"postgres://db/app?schema=x", `unknown query key "schema"`},
		{"postgres://db/app?sslmode=maybe", `"sslmode": want disable, allow`},
		{"redis://db?ssl=true", "belongs to rediss://"},
		{"rediss://db?ssl_cert_reqs=" + secret, "want required or none"},
		{"postgres://h1:1,h2:x/app", "not a valid URL"},
		{"redis://db/app", "not a number"},
		{"redis://db?pool=3", `unknown query key "pool"`},
		{"redis://db#role=leader", "not master or slave"},
		{"redis://db#ca-file=/x", "unknown fragment key"},
		{"http://api#status=20", "not a list of status codes"},
		{"http://api#body=(", "not a regular expression"},
		{"http://api#method=get", "not a method"},
		{"http://api#method=HEAD&body=x", "no body"},
		{"https://api#h2c", "h2c is HTTP/2 without TLS"},
		{"http://api#h2c=x", "not true or false"},
		{"https://api#cert-file=/x", "need each other"},
		{"postgres://u:" + secret + "/x@db/app", "percent-encoded"},
	} {
		target, err := probe.Open(tt.raw, probe.Options{})
		switch {
		case err == nil:
			t.Errorf("Open(%q) = %q, want an error", tt.raw, target.Name)
		case !strings.Contains(err.Error(), tt.want):
			t.Errorf("Open(%q): %q, want %q", tt.raw, err, tt.want)
		case strings.Contains(err.Error(), secret):
			t.Errorf("Open(%q) shows the password: %v", tt.raw, err)
		}
	}
}

func TestOpenAsksOneLevelOfAll(t *testing.T) {
	o := probe.Options{Level: probe.LevelProto}
	if got := open(t, "postgres://u:p@db/app", o).Level; got != probe.LevelProto {
		t.Errorf("level %v, want proto", got)
	}
	if got := open(t, "postgres://db/app#level=tcp", o).Level; got != probe.LevelTCP {
		t.Errorf("level %v, want the fragment's: tcp", got)
	}
	if _, err := probe.Open("tcp://db:1", o); err == nil {
		t.Error("tcp has no level proto, want an error")
	}
}

func TestOpenDropsUnknownQueryKeysWhenAsked(t *testing.T) {
	o := probe.Options{DropUnknown: true}
	open(t, "postgres://db/app?schema=public&connection_limit=5", o)
	open(t, "redis://cache/0?ssl_cert_reqs=none", o)
	open(t, "rediss://cache?ssl_cert_reqs=required&ssl_ca_certs=/ca&socket_timeout=5&health_check_interval=30", o)
	open(t, "postgres://db/app?socketTimeout=3&sslResponseTimeout=3&targetServerType=primary&sslaccept=strict", o)
	open(t, "postgresql+psycopg2://db/app", o)
	open(t, "ecto://db/app", o)
	for _, raw := range []string{
		"postgres://db/app?ssl_foo=1", "postgres://db/app?hostaddr=10.0.0.1", "redis://cache?sentinelMasterId=m", "rediss://cache?tls_ca=/x",
		"postgres://db/app?role=reader", "redis://cache?socketFactory=x",
	} {
		if _, err := probe.Open(raw, o); err == nil || !strings.Contains(err.Error(), "may ask for TLS or choose the server") {
			t.Errorf("%s: %v, want that it is refused", raw, err)
		}
	}
	for _, raw := range []string{"redis+sentinel://cache/0", "redis+foo://cache/0", "http+unix://x/"} {
		if _, err := probe.Open(raw, o); err == nil {
			t.Errorf("%s is another protocol: want an error", raw)
		}
	}
	if _, err := probe.Open("postgres://db/app#schema=public", o); err == nil {
		t.Error("the fragment is inith's own: want an error")
	}
}

func nameOrError(target *probe.Target, err error) string {
	if err != nil {
		return err.Error()
	}
	return target.Name
}

// FuzzOpen puts any text in the place of a password, and of a whole target.
func FuzzOpen(f *testing.F) {
	for _, password := range []string{"s3cr3t", "12345/x", "a/b#c&d", "a?b=cde", "%zz-pass", "a b c d", "12345#@x", "p%40ss-word", "x@y-pass"} {
		f.Add("postgres", password)
		f.Add("redis", password)
		f.Add("https", password)
		f.Add("nope", password)
	}
	for _, raw := range []string{"hf://org/model@rev", "oci://r/x@sha256:0123", "http://h/?mail=a@b", "://u:s3cr3t@h", "postgres://u:12345#@h", "[::1]:80", "unix:///a"} {
		f.Add(raw, "")
	}
	const words = "postgres redis https unknown scheme of the URL not a valid special characters in user name or password must be percent-encoded such as fragment key level timeout settle"
	f.Fuzz(func(t *testing.T, scheme, password string) {
		raw := scheme
		if password != "" {
			raw = scheme + "://user:" + password + "@host/db"
		}
		for _, o := range []probe.Options{{}, {DropUnknown: true}} {
			target, err := probe.Open(raw, o)
			if (target == nil) == (err == nil) {
				t.Fatalf("got %v, %v: want exactly one", target, err)
			}
			if len(password) < 6 || strings.Contains(words, password) || strings.Contains(raw[:len(scheme)]+"://host:5432/db", password) {
				continue
			}
			if shown := nameOrError(target, err); strings.Contains(shown, password) {
				t.Fatalf("%q shows the password %q", shown, password)
			}
		}
	})
}
