package target_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// settings are those of a kind of this test.
type settings struct {
	Password string
	Role     string
	Wait     time.Duration
	TLS      tlsconfig.TLS
}

func (s *settings) keys() []target.Key {
	return append([]target.Key{
		target.PasswordFile(&s.Password),
		{Name: "role", State: true, Set: target.OneOf(&s.Role, "master", "slave")},
		{Name: "wait", Set: target.Duration(&s.Wait, time.Second)},
	}, target.TLSKeys(&s.TLS)...)
}

func TestFragment(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]settings{
		"":                                  {},
		"password-file=/a%20b%26c":          {Password: "/a b&c"},
		"role=slave&wait=3s":                {Role: "slave", Wait: 3 * time.Second},
		"insecure-skip-tls-verify":          {TLS: tlsconfig.TLS{SkipVerify: true}},
		"insecure-skip-tls-verify=false":    {},
		"ca-file=a+b&tls-server-name=n":     {TLS: tlsconfig.TLS{CAFile: "a+b", ServerName: "n"}},
		"cert-file=c&key-file=k&role=slave": {Role: "slave", TLS: tlsconfig.TLS{CertFile: "c", KeyFile: "k"}},
	} {
		var got settings
		given, err := target.Fragment(raw, "cache", got.keys())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", raw, err, diff)
		}
		if raw != "" && len(given) != 1+strings.Count(raw, "&") {
			t.Errorf("%q: given %v", raw, target.Names(given))
		}
	}
}

func TestFragmentRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"rol=slave":                            `unknown fragment key "rol" (did you mean "role"?); cache has password-file, role, wait, ca-file`,
		"s3cr3t!":                              "unknown fragment key: after # comes key=value",
		"password-file=s3cr3t&password-file=b": `fragment key "password-file" is given twice`,
		"role":                                 `fragment key "role": no value`,
		"role=":                                `fragment key "role": no value`,
		"role=%zzs3cr3t":                       "not percent-encoded",
		"role=s3cr3t":                          `fragment key "role": not master or slave`,
		"wait=s3cr3t":                          "not a duration such as",
		"wait=1ms":                             "of at least 1s",
		"insecure-skip-tls-verify=s3cr3t":      "not true or false",
		"role=slave&":                          "unknown fragment key",
	} {
		var s settings
		_, err := target.Fragment(raw, "cache", s.keys())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"postgres://u:s3cr3t@h/db"`:        "begins with a quote",
		`'postgres://u:s3cr3t@h/db'`:        "begins with a quote",
		"postgres://u:s3cr3t@${DB_HOST}/db": "was not expanded",
		"postgres://u:s3cr3t@$(DB_HOST)/db": "was not expanded",
		"postgres://u:s3cr3t@h:${PORT}/db":  "was not expanded",
		"mysql://u:s3cr3t@tcp(h:3306)/db":   "Go's MySQL driver",
		"postgres://u:s3cr3t/x@h/db":        "percent-encoded",
		"postgres://u:$(DB_PASSWORD)@h/db":  "was not expanded",
		"postgres://u:s3cr3t@$DB_HOST/db":   "was not expanded",
		"${DATABASE_URL}":                   "was not expanded",
		"$DATABASE_URL":                     "was not expanded",
		"redis://:s3cr%%3t@h":               "write % as %25",
		"host=db password=s3cr3t":           "a list of key=value",
		"Server=db;Password=s3cr3t":         "a list of key=value",
		"http://h/s3cr3t%":                  "two hexadecimal digits",
		"postgres://u:s3cr3t@h:/db":         "a port must be a number",
	} {
		u, err := target.Parse(raw)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, %v, want %q", raw, u, err, want)
		}
	}
	for _, raw := range []string{"postgres://u:$(x)@h/db", "postgres://u:$x@h:1/d$b", "redis://[::1]:6379"} {
		if _, err := target.Parse(raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestParseSocket has the directory of a socket in the place of the host, as libpq reads it.
func TestParseSocket(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"postgresql://u:p@%2Frun%2Fpg/db":              "postgresql://u:p@/db?host=%2Frun%2Fpg",
		"postgresql://%2frun%2Fpg:5433/db?x=1#level=a": "postgresql:///db?host=%2frun%2Fpg&port=5433&x=1#level=a",
		"postgresql://u@%2Frun":                        "postgresql://u@?host=%2Frun",
		"http://h/%2Fpath":                             "http://h/%2Fpath",
	} {
		u, err := target.Parse(raw)
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v, want %s", raw, u, err, want)
		}
	}
}

func TestCutDriver(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string][2]string{
		"postgresql+psycopg2": {"postgresql", "psycopg2"}, "mysql+pymysql": {"mysql", "pymysql"}, "postgres": {"postgres", ""},
		"ecto": {"postgres", "ecto"}, "pgx5": {"postgres", "pgx5"}, "mysql2": {"mysql", "mysql2"}, "pyamqp": {"amqp", "pyamqp"},
		"redis+sentinel": {"redis+sentinel", ""}, "http+unix": {"http+unix", ""},
	} {
		if base, driver := target.CutDriver(scheme); base != want[0] || driver != want[1] {
			t.Errorf("%s: %q, %q, want %q", scheme, base, driver, want)
		}
	}
}

func TestUnknownScheme(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{
		"redi":           `unknown scheme "redi" (did you mean "redis"?), have redis, tcp`,
		"s3cr3t":         "unknown scheme, have redis, tcp",
		"redis+sentinel": `redis with a driver or mode "sentinel" is not supported: name one server, as in redis://host`,
		"redis+s3cr3t":   "redis with a driver or mode is not supported",
		"x+redis":        `unknown scheme (did you mean "redis"?), have redis, tcp`,
	} {
		if got := target.UnknownScheme(scheme, []string{"redis", "tcp"}).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", scheme, got, want)
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	got, err := target.Query("a=1&b=%20&c")
	if diff := cmp.Diff(map[string]string{"a": "1", "b": " ", "c": ""}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for raw, want := range map[string]string{
		"a=%zz":                   "not percent-encoded",
		"x;y=s3cr3t":              "not percent-encoded",
		"host=s3cr3t&host=s3cr3t": `query key "host" is given twice`,
		"s3cr3t!=1&s3cr3t!=2":     "query key is given twice",
	} {
		if _, err := target.Query(raw); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
	}
}

func TestCheckPort(t *testing.T) {
	t.Parallel()
	for port, want := range map[string]bool{"1": true, "65535": true, "": false, "0": false, "65536": false, "-1": false, "s3cr3t": false} {
		err := target.CheckPort(port)
		if (err == nil) != want || err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", port, err)
		}
	}
}
