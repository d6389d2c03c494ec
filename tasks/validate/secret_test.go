package validate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/tasks/validate"
)

// TestSecrets holds the rules of secrets to what they find, and to what they leave
// alone: secrets that look strange are still secrets.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"correct-horse":                    nil,
		"p@ss word with spaces":            nil,
		`it's "quoted" in the middle`:      nil,
		`"`:                                nil,
		"YWxhZGRpbjpvcGVuc2VzYW1l":         nil, // base64 of name:password, for basic authentication
		"deadbeefdeadbeefdeadbeefdeadbeef": nil, // hexadecimal, which is base64 too
		"AAAAAAAAAAAAAAAAAAAAAA==":         nil,
		"wJalrXUtnFEMI/K7MDENG+bPxRfiCYKK": nil,
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": nil,
		`{"type": "service_account"}`:                       nil,
		"ünïcode":                                           nil,
		"{\"type\": \"service_account\"}\n":                 nil,
		"app:$apr1$abc$def\n":                               nil,
		"app:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n":           nil,
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@host\n":    nil,
		"machine github.com login me password correct\n":    nil,

		"correct-horse\n":                  {"trailing-newline"},
		"correct-horse\r\n":                {"trailing-newline"},
		"user:correct-horse\n":             {"trailing-newline"},
		"\tcorrect-horse ":                 {"surrounding-space", "surrounding-space"},
		"'correct-horse'":                  {"quotes"},
		"\ufeffcorrect-horse":              {"byte-order-mark"},
		"correct\x00horse":                 {"nul-byte"},
		"CHANGEME":                         {"placeholder"},
		`"changeme"`:                       {"placeholder", "quotes"},
		"AKIAIOSFODNN7EXAMPLE":             {"placeholder"},
		"Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5Cg==": {"base64"},
		"\n \n":                            {"empty"},
	} {
		path := write(t, t.TempDir()+"/secret", in, 0o600)
		got := found(t, validate.Rules{Files: []validate.FileRule{{Path: path, Secret: &validate.SecretRule{}}}})
		var rules []string
		for _, f := range got {
			rule, message, _ := strings.Cut(f, ": ")
			rules = append(rules, rule)
			if strings.Contains(message, "horse") {
				t.Errorf("%q is shown: %s", in, message)
			}
		}
		if diff := cmp.Diff(want, rules); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

// TestVariables leaves alone what is right; what is wrong is in testdata/validate.
func TestVariables(t *testing.T) {
	t.Parallel()
	low, high := 1.0, 65535.0
	for name, tt := range map[string]struct {
		value string
		rule  validate.EnvRule
	}{
		"int":              {"8080", validate.EnvRule{Type: validate.IntType, Min: &low, Max: &high}},
		"number":           {"1e3", validate.EnvRule{Type: validate.NumberType, Min: &low}},
		"bool":             {"TRUE", validate.EnvRule{Type: validate.BoolType}},
		"duration":         {"1m30s", validate.EnvRule{Type: validate.DurationType}},
		"choice":           {"debug", validate.EnvRule{OneOf: []string{"info", "debug"}}},
		"libpq URL":        {"postgresql://app:p%40ss@a:1,b:2/app?sslmode=require", validate.EnvRule{URL: []string{"postgres", "postgresql"}, HostNot: []string{"localhost"}}},
		"no port":          {"redis://cache/0", validate.EnvRule{URL: []string{"any"}}},
		"libpq socket":     {"postgres:///app?host=/run/postgresql", validate.EnvRule{URL: []string{"postgres"}}},
		"IPv6":             {"http://[2001:db8::1]:80/", validate.EnvRule{URL: []string{"http"}, HostNot: []string{"localhost"}}},
		"libpq DSN":        {`host=db password='it\'s a secret' user = app`, validate.EnvRule{DSN: validate.LibpqDSN, HostNot: []string{"localhost"}}},
		"MySQL DSN":        {"app:p@ss/word@tcp(db:3306)/app?parseTime=true", validate.EnvRule{DSN: validate.MySQLDSN, HostNot: []string{"localhost"}}},
		"MySQL socket":     {"app@unix(/run/mysqld.sock)/app", validate.EnvRule{DSN: validate.MySQLDSN}},
		"address":          {"db:5432", validate.EnvRule{HostNot: []string{"localhost"}}},
		"not quite local":  {"localhost.example.com", validate.EnvRule{HostNot: []string{"localhost"}}},
		"parent":           {"/", validate.EnvRule{Exists: validate.DirectoryPath}},
		"optional, empty":  {"", validate.EnvRule{Optional: true}},
		"long enough":      {"äöüß", validate.EnvRule{MinLength: 4}},
		"any text at all":  {"a b \"c\"", validate.EnvRule{}},
		"FILE is not read": {"x", validate.EnvRule{}},
	} {
		tt.rule.Name = "NAME"
		v := &validate.Validator{
			Rules: validate.Rules{Env: []validate.EnvRule{tt.rule}},
			Lookup: func(name string) (string, bool) {
				return map[string]string{"NAME": tt.value, "NAME_FILE": "/nothere"}[name], true
			},
		}
		report, err := v.Run(t.Context())
		if err != nil || len(report.Findings) > 0 {
			t.Errorf("%s: got %+v, %v", name, report.Findings, err)
		}
	}
}

// FuzzEnv looks for panics, and for values that are shown.
func FuzzEnv(f *testing.F) {
	f.Add("postgres://app:Zq~@db:5432/app")
	f.Add("host=db password='Zq~")
	f.Add("app:Zq~@tcp(db:3306)/app")
	f.Fuzz(func(t *testing.T, value string) {
		const canary = "Zq~"
		value = strings.ReplaceAll(value, "x", canary)
		for _, rule := range []validate.EnvRule{
			{URL: []string{"postgres"}, HostNot: []string{"localhost"}},
			{DSN: validate.LibpqDSN},
			{DSN: validate.MySQLDSN, HostNot: []string{"db"}},
			{Type: validate.IntType},
			{OneOf: []string{"a"}},
			{HostNot: []string{"localhost"}, Exists: validate.FilePath},
		} {
			v := &validate.Validator{Rules: validate.Rules{Env: []validate.EnvRule{rule}}, Lookup: func(string) (string, bool) { return value, true }}
			report, err := v.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range report.Findings {
				if strings.Contains(p.Message+p.Hint, canary) {
					t.Errorf("%q is shown: %+v", value, p)
				}
			}
		}
	})
}
