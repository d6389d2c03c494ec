package document_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// canary is put into every input; no finding may hold it.
const canary = "s3cr3tC4n4ry"

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"a: &x {b: 1}\nc: {<<: *x}\n---\n- |\n  x\n", "a: {{ .V }}\n\tb: 1", "a: &a [*a]", "? [a]\n: !!int 0x1\n",
		"a: yes\nb: 1:30\nc: 1e-4\nversion: 1.10", "%YAML 1.2\n---\n'x': \"\\u00e4\"\n...\n", "\ufeffa: 1\r\n\u0085b: \u2028",
	} {
		f.Add(seed, uint(3))
	}
	f.Fuzz(func(t *testing.T, data string, at uint) { check(t, document.YAML, data, at) })
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, -2.5e3, true, null, "\ud83d\ude00\n"], "a": {}}`, `[1,]`, `{"a" 1}`, `"x`, `01`, "// c\n{}", `[[[[`} {
		f.Add(seed, uint(3))
	}
	f.Fuzz(func(t *testing.T, data string, at uint) {
		documents := check(t, document.JSON, data, at)
		check(t, document.JSONC, data, at)
		text := insert(data, at)
		if strings.Count(text, "[")+strings.Count(text, "{") > document.MaxDepth || !utf8.ValidString(text) || strings.HasPrefix(text, "\ufeff") {
			return
		}
		if valid := json.Valid([]byte(text)); valid != (documents != nil) {
			t.Errorf("Parse accepts %q: %t, encoding/json: %t", text, documents != nil, valid)
		}
	})
}

func FuzzTOML(f *testing.F) {
	for _, seed := range []string{
		"a.b = [ [1], {x = 'y'} ]\n[[c]]\nd = 1979-05-27\n[c.e]\nf = 0x1F\n", "a = 1\na = 2", "a = {b = {}}\n[a.c]", "x = \"\"\"\n\"\"\"",
	} {
		f.Add(seed, uint(3))
	}
	f.Fuzz(func(t *testing.T, data string, at uint) { check(t, document.TOML, data, at) })
}

func FuzzDotenv(f *testing.F) {
	for _, seed := range []string{"A=1\nexport B=\"x\ny\" # c\nC='$X'\n", "A = 1", "=\n\"", "export\nA='", "A=\"\\n\\q\" x"} {
		f.Add(seed, uint(3))
	}
	f.Fuzz(func(t *testing.T, data string, at uint) {
		check(t, document.Dotenv, data, at)
		check(t, document.Text, data, at)
	})
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a.b", "c[0].d", `a."b.c"[1]`, "[0]", `"`, "a..b", "a[99999999999999999999]"} {
		f.Add(seed)
	}
	documents, _ := document.Parse(document.YAML, []byte("a: {b: 1, 'b.c': [1, 2]}\nc: [{d: 1}]\n"), document.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		path, err := document.ParsePath(text)
		if err != nil {
			if len(err.Error()) > 120 {
				t.Errorf("ParsePath(%q) quotes it: %v", text, err)
			}
			return
		}
		place := path.Find(documents[0])
		if (place.Value == nil) == (place.Last == nil) {
			t.Errorf("Find(%q) = %+v, want either a value or the last on the way", text, place)
		}
		if path.String() != text || !strings.HasPrefix(text, place.Reached) || !strings.HasPrefix(text, place.Wanted) {
			t.Errorf("Find(%q) names %q and %q", text, place.Reached, place.Wanted)
		}
	})
}

// insert puts the canary into data.
func insert(data string, at uint) string {
	at %= uint(len(data) + 1)
	return data[:at] + canary + data[at:]
}

// check parses data with the canary in it, and fails if what is found is outside
// the file, quotes it, or took too long to find.
func check(t *testing.T, format document.Format, data string, at uint) []*document.Node {
	t.Helper()
	text := insert(data, at)
	start := time.Now()
	documents, findings := document.Parse(format, []byte(text), document.Options{YAML11: true})
	const hang = 5 * time.Minute // which no input takes, on the slowest machine
	if took := time.Since(start); took > hang {
		t.Errorf("%s: %d bytes took %v", format, len(text), took)
	}
	lines := bytes.Split([]byte(strings.TrimPrefix(text, "\ufeff")), []byte("\n"))
	for _, f := range findings {
		if strings.Contains(f.Message+f.Hint+f.Code, canary) {
			t.Errorf("%s: %q quotes the file", format, f.Message)
		}
		inside(t, lines, f.Line, f.Column)
	}
	if documents == nil && len(findings) == 0 && format != document.Text {
		t.Errorf("%s: neither documents nor findings for %q", format, text)
	}
	seen := map[*document.Node]bool{}
	for _, root := range documents {
		insideAll(t, lines, root, seen)
	}
	return documents
}

func insideAll(t *testing.T, lines [][]byte, n *document.Node, seen map[*document.Node]bool) {
	t.Helper()
	if seen[n] {
		return
	}
	seen[n] = true
	at := n.Position()
	inside(t, lines, at.Line, at.Column)
	for _, item := range n.Items {
		insideAll(t, lines, item, seen)
	}
	for _, m := range n.Members {
		insideAll(t, lines, m.Key, seen)
		insideAll(t, lines, m.Value, seen)
	}
}

func inside(t *testing.T, lines [][]byte, line, column int) {
	t.Helper()
	if line < 1 || line > len(lines) || column < 1 || column > utf8.RuneCount(lines[line-1])+1 {
		t.Errorf("%d:%d is outside of the file, which has %d lines", line, column, len(lines))
	}
}
