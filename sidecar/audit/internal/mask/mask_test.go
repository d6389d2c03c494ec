package mask_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/inith/inith/sidecar/audit/internal/mask"
)

// secrets are of every shape that the detectors know.
func secrets() []string {
	return []string{
		"sk-proj-abcdefghijklmnop1234", "sk-ant-api03-AbCdEfGh_ijklmnop", "AKIAIOSFODNN7EXAMPLE", "ghp_abcdefghijklmnopqrst0123", "github_pat_11ABCDEFG0123456789abcdef",
		"glpat-abcdefghij0123456789", "xoxb-123456789012-abcdef", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "hf_abcdefghijklmnopqrstuvwx", "sk_live_abcdefghij0123",
		"SG.abcdefghijklmnopqrst.abcdefghijklmnopqrst", "hvs.CAESIabcdefghijklmnopqrst", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
		"jane.doe+x@mail.example.com", "4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005",
	}
}

// sees reports whether an output shows a secret, or a good part of it.
func sees(out, secret string) bool {
	if strings.Contains(out, secret) {
		return true
	}
	plain := strings.NewReplacer(" ", "", "-", "").Replace
	return strings.Contains(plain(out), plain(secret))
}

// TestEveryPlace puts every secret in every place of a request.
func TestEveryPlace(t *testing.T) {
	t.Parallel()
	m := mask.New(nil)
	for _, secret := range append(secrets(), "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----") {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		nested, err := json.Marshal(`{"a": ` + string(quoted) + `}`)
		if err != nil {
			t.Fatal(err)
		}
		escaped := url.QueryEscape(secret)
		for place, out := range map[string]string{
			"value":    body(t, m, "application/json", `{"a":[{"b":`+string(quoted)+`}]}`),
			"name":     body(t, m, "application/json", `{`+string(quoted)+`:1}`),
			"middle":   body(t, m, "", `{"messages":[{"content":"my key is `+strings.Trim(string(quoted), `"`)+`, keep it"}]}`),
			"nested":   body(t, m, "application/vnd.x+json", `{"arguments":`+string(nested)+`}`),
			"event":    body(t, m, "text/event-stream", "data: {\"a\":"+string(quoted)+"}\n\ndata: [DONE]\n\n"),
			"in lines": body(t, m, "application/x-ndjson", `{"a":`+string(quoted)+"}\n{\"a\":1}\n"),
			"form":     body(t, m, "application/x-www-form-urlencoded", "a=1&b="+escaped+"&"+escaped+"=2"),
			"header":   m.Begin().Header("User-Agent", "x "+secret),
			"path":     m.Begin().Path(&url.URL{Path: "/v1/" + secret + "/x"}),
			"query":    m.Begin().Query("q=" + escaped + "&" + escaped + "&" + escaped + "=1"),
			"url":      m.Begin().Text("https://api.example.com/?token=" + secret + "&x=1"),
		} {
			if sees(out, secret) || out == "" {
				t.Errorf("%s: %s comes through: %s", place, secret, out)
			}
		}
	}
}

// body returns what is recorded of a body, and holds it to be JSON.
func body(t *testing.T, m *mask.Masker, contentType, text string) string {
	t.Helper()
	out, reason := m.Begin().Body(contentType, []byte(text), true)
	if reason != "" {
		t.Errorf("%s: %s", text, reason)
	}
	if !json.Valid(out) {
		t.Errorf("%s: not JSON: %s", text, out)
	}
	return string(out)
}

func TestFields(t *testing.T) {
	t.Parallel()
	m := mask.New([]string{"Home-Address", "user.*.name"})
	for in, want := range map[string]string{
		`{"password":"x","a":{"clientSecret":{"b":1}},"list":[{"api_key":["x"]}]}`: `{"password":"[REDACTED:field]","a":{"clientSecret":"[REDACTED:field]"},"list":[{"api_key":"[REDACTED:field]"}]}`,
		`{"homeAddress":1,"user":[{"name":"x","x":{"name":"y"}}]}`:                 `{"homeAddress":"[REDACTED:field]","user":[{"name":"[REDACTED:field]","x":{"name":"y"}}]}`,
		`{"max_tokens":5,"prompt_tokens":1,"token":{"id":1,"text":"a"}}`:           `{"max_tokens":5,"prompt_tokens":1,"token":{"id":1,"text":"a"}}`,
		`{"password":null,"n":4111111111111111,"big":12345678901234567890}`:        `{"password":null,"n":"[REDACTED:card]","big":12345678901234567890}`,
		`{"args":"{\"password\": \"hunter2\", \"x\": 1}"}`:                         `{"args":"{\"password\":\"[REDACTED:field]\",\"x\":1}"}`,
		`{"text":"see {\"password\":\"hunter2\"} and PASSWORD=hunter2; ok"}`:       `{"text":"see {\"password\":\"[REDACTED:field]\"} and PASSWORD=[REDACTED:field]; ok"}`,
		`{"url":"postgres://app:hunter2@db/x","b":"<&>"}`:                          `{"url":"postgres://app:[REDACTED:password]@db/x","b":"<&>"}`,
		`{"dup":1,"dup":2,"t":1789000000000,"s":"a 1 4111 1111 1111 1111 2"}`:      `{"dup":1,"dup":2,"t":1789000000000,"s":"a 1 [REDACTED:card] 2"}`,
	} {
		if got := body(t, m, "application/json", in); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestTokens cuts a secret into the tokens of a stream.
func TestTokens(t *testing.T) {
	t.Parallel()
	m := mask.New(nil)
	for _, secret := range append(secrets(), `{\"password\":\"hunter2hunter2\"}`, `{\"x\":{\"password\":\"hunter2hunter2`) {
		for _, size := range []int{1, 3, 8} {
			var b strings.Builder
			for rest := "the key: " + secret; rest != ""; {
				n := min(size, len(rest))
				if n < len(rest) && rest[n-1] == '\\' {
					n++
				}
				b.WriteString(`data: {"choices":[{"index":0,"delta":{"content":"` + rest[:n] + "\"}}]}\n\n")
				rest = rest[n:]
			}
			out := body(t, m, "text/event-stream", b.String())
			var events []struct {
				Data struct {
					Choices []struct{ Delta struct{ Content string } }
				}
			}
			if err := json.Unmarshal([]byte(out), &events); err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, e := range events {
				said += e.Data.Choices[0].Delta.Content
			}
			if sees(said, secret) || strings.Contains(said, "hunter2") || !strings.Contains(said, "REDACTED") {
				t.Errorf("%s in pieces of %d comes through: %s", secret, size, said)
			}
		}
	}
}

// TestCut cuts a body at every byte: what is recorded is JSON, and shows no part of a secret field.
func TestCut(t *testing.T) {
	t.Parallel()
	m := mask.New(nil)
	for contentType, text := range map[string]string{
		"application/json":                  `{"a":["b",{"password":"hunter2hunter2","x":"y"}],"c":{"d":true}}`,
		"text/event-stream":                 "data: {\"password\":\"hunter2hunter2\"}\n\ndata: {\"a\":1}\n\n",
		"application/x-www-form-urlencoded": "a=b&password=hunter2hunter2&c=d",
	} {
		for cut := range text {
			out, reason := m.Begin().Body(contentType, []byte(text[:cut]), false)
			if reason == "" && !json.Valid(out) || strings.Contains(string(out), "hunter2") {
				t.Errorf("%q: %s, %s", text[:cut], out, reason)
			}
		}
	}
}

func TestNotRecorded(t *testing.T) {
	t.Parallel()
	m := mask.New(nil)
	for _, tt := range [][3]string{
		{"text/plain", "password", mask.NotText},
		{"multipart/form-data; boundary=x", "--x", mask.NotText},
		{"", "password", mask.NotText},
		{"", "", mask.NotText},
		{"application/json", `{"a":`, mask.Unreadable},
		{"application/json", `{"a":1}x`, mask.Unreadable},
		{"application/json", "", mask.Unreadable},
		{"application/json", strings.Repeat("[", 10000), mask.Unreadable},
		{"application/x-www-form-urlencoded", "a=%zz", mask.Unreadable},
	} {
		if out, reason := m.Begin().Body(tt[0], []byte(tt[1]), true); reason != tt[2] || out != nil {
			t.Errorf("%.50q: %s, %q, want %q", tt, out, reason, tt[2])
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	p := mask.New(nil).Begin()
	p.Body("application/json", []byte(`{"password":"x","mail":"a@example.com, b@example.com"}`), true)
	p.Header("Authorization", "x")
	if p.Counts["field"] != 1 || p.Counts["email"] != 2 || p.Counts["header"] != 1 {
		t.Errorf("got %v", p.Counts)
	}
}

// FuzzMask puts secrets between any other bytes.
func FuzzMask(f *testing.F) {
	for i := range secrets() {
		f.Add(uint8(i), "before ", " after", "application/json")
		f.Add(uint8(i), `","x":"`, "\n\n", "text/event-stream")
		f.Add(uint8(i), "a=1&b=", "%20", "application/x-www-form-urlencoded")
		f.Add(uint8(i), "{\"", "}", "")
	}
	m := mask.New([]string{"a.*.b"})
	f.Fuzz(func(t *testing.T, i uint8, before, after, contentType string) {
		secret := secrets()[int(i)%len(secrets())]
		p := m.Begin()
		raw := before + secret + after
		out, reason := p.Body(contentType, []byte(raw), true)
		if reason == "" && !json.Valid(out) || reason != "" && out != nil {
			t.Fatalf("%q, %s: %s", out, reason, contentType)
		}
		_, _ = p.Body(contentType, []byte(raw), false)
		value, err := json.Marshal(before + " " + secret + " " + after)
		if err != nil {
			t.Fatal(err)
		}
		documents := map[string]string{
			"application/json":                  `{"x":[` + string(value) + `]}`,
			"text/event-stream":                 "data: {\"x\":" + string(value) + "}\n\n",
			"application/x-www-form-urlencoded": "x=" + url.QueryEscape(before+" "+secret+" "+after),
		}
		for contentType, text := range documents {
			out, _ := p.Body(contentType, []byte(text), true)
			if strings.Contains(string(out), secret) {
				t.Errorf("%s: %q comes through: %s", contentType, secret, out)
			}
		}
		for _, s := range []string{p.Header("X", before+" "+secret+" "+after), p.Path(&url.URL{Path: before + "/" + secret + "/" + after}), p.Query(before + "=" + url.QueryEscape(secret))} {
			if strings.Contains(s, secret) {
				t.Errorf("%q comes through: %s", secret, s)
			}
		}
	})
}
