package document_test

import (
	"errors"
	"testing"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

func TestPath(t *testing.T) {
	t.Parallel()
	documents, _ := document.Parse(document.YAML, []byte(`
a: {b: 1, b.c: [x, y], '"q"': z}
c: [{d: deep}]
80: port
a-b: {"": empty}
dup: first
dup: last
`), document.Options{})
	for _, tt := range []struct{ path, want string }{
		{"a.b", "1"},
		{`a."b.c"[1]`, "y"},
		{`a."\"q\""`, "z"},
		{"c[0].d", "deep"},
		{"80", "port"},
		{`a-b.""`, "empty"},
		{"dup", "last"},
	} {
		path, err := document.ParsePath(tt.path)
		if err != nil {
			t.Errorf("ParsePath(%q): %v", tt.path, err)
			continue
		}
		if n := path.Find(documents[0]).Value; n == nil || n.Text != tt.want {
			t.Errorf("%s leads to %+v, want %q", tt.path, n, tt.want)
		}
	}
}

func TestPathThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	documents, _ := document.Parse(document.YAML, []byte("a: {b: 1, c: [x]}\n"), document.Options{})
	for _, tt := range []struct {
		path, reached, wanted, key string
		column                     int // of the last value on the way
	}{
		{"x", "", "x", "x", 1},
		{"a.x.y", "a", "a.x", "x", 4},
		{"a.b.x", "a.b", "a.b.x", "x", 8},
		{"a.c[1]", "a.c", "a.c[1]", "", 14},
		{"a[0]", "a", "a[0]", "", 4},
	} {
		path, err := document.ParsePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		p := path.Find(documents[0])
		if p.Value != nil || p.Reached != tt.reached || p.Wanted != tt.wanted || p.Key != tt.key || p.Last.Position().Column != tt.column {
			t.Errorf("%s: %+v, want %+v", tt.path, p, tt)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	t.Parallel()
	for path, column := range map[string]int{
		"": 1, "a.": 3, ".a": 1, "a..b": 3, "a[x]": 2, "a[-1]": 2, "a[0": 2, `é."b`: 3, "a]": 2, `a"b`: 2, "a[0]b": 5,
	} {
		_, err := document.ParsePath(path)
		if e, ok := errors.AsType[*diag.Error](err); !ok || e.Column != column {
			t.Errorf("ParsePath(%q): %v, want an error in column %d", path, err, column)
		}
	}
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]document.Format{
		"/config/app.yaml": document.YAML, "a.YML": document.YAML, "a.json": document.JSON, "a.jsonc": document.JSONC,
		"a.toml": document.TOML, "prod.env": document.Dotenv, "/x/.env": document.Dotenv, ".env.local": document.Dotenv,
		"tls.crt": document.PEM, "tls.key": document.PEM, "ca.pem": document.PEM, "api-key": document.Text, "a.txt": document.Text,
	} {
		if got := document.FormatOf(path); got != want {
			t.Errorf("FormatOf(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"12": "12", "-0x1F": "-31", "0o17": "15", "0b11": "3", "1_000": "1000", "010": "10", "1.50": "3/2", "-1e2": "-100", "+.5": "1/2",
	} {
		r, ok := (&document.Node{Kind: document.Float, Text: text}).Number()
		if !ok || r.RatString() != want {
			t.Errorf("Number of %s = %v %t, want %s", text, r, ok, want)
		}
	}
	for _, text := range []string{".inf", ".nan", "nan", "1e999999999", "", "1e", "1/2", "0x"} {
		if r, ok := (&document.Node{Kind: document.Float, Text: text}).Number(); ok {
			t.Errorf("Number of %q = %v, want none", text, r)
		}
	}
}
