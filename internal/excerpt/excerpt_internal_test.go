package excerpt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// secretLetters are in every value that a writer makes, and in nothing else.
const secretLetters = "QZ"

// A writer makes files with values that try to look like keys.
type writer struct {
	*rand.Rand
	b     strings.Builder
	depth int
}

func (w *writer) key() string { return fmt.Sprintf("k%d", w.IntN(100)) }

func (w *writer) secret() string {
	return []string{"Qx", "Q-Z", "ZQ=", "QZ.Q", "Q{Z", "Z[Q", "- Q", "Q,Z", "Z]Q}", "Q?", "Z#Q", "Q:Z", "ZQQQQQQQ=="}[w.IntN(13)]
}

// lines are those of a value that has several.
func (w *writer) lines() []string {
	var all []string
	for range 1 + w.IntN(4) {
		all = append(all, []string{"Q: Z", "Qx:", "Q_Z = Q", "QZ=Q", "- Q: Z", "{Q: Z, Z: [Q", "Z=="}[w.IntN(7)])
	}
	return all
}

func (w *writer) yaml(indent string) {
	for range 1 + w.IntN(4) {
		fmt.Fprintf(&w.b, "%s%s:", indent, w.key())
		switch n := w.IntN(11); {
		case n == 0 && w.depth < 4:
			w.depth++
			w.b.WriteString("\n")
			w.yaml(indent + "  ")
			w.depth--
		case n == 1:
			fmt.Fprintf(&w.b, " |\n%s  %s\n", indent, strings.Join(w.lines(), "\n"+indent+"  "))
		case n == 2:
			fmt.Fprintf(&w.b, " \"Q\n%s  %s\"\n", indent, strings.Join(w.lines(), "\n"+indent+"  "))
		case n == 3:
			fmt.Fprintf(&w.b, " 'Z\n\n%s  %s' # Q\n", indent, strings.Join(w.lines(), "\n"+indent+"  "))
		case n == 4:
			fmt.Fprintf(&w.b, " {%s: Q, \"%s\": [Z, {%s: 'Q{'}]}\n", w.key(), w.key(), w.key())
		case n == 5:
			fmt.Fprintf(&w.b, "\n%s- Q\n%s- %s: %q\n%s  %s: Z\n", indent, indent, w.key(), w.secret(), indent, w.key())
		case n == 6:
			fmt.Fprintf(&w.b, " Q\n%s  Z Q\n", indent)
		case n == 9:
			fmt.Fprintf(&w.b, "\n%s  |\n%s  %s\n", indent, indent, strings.Join(w.lines(), "\n"+indent+"  "))
		case n == 10:
			fmt.Fprintf(&w.b, " \"Q\n%s  Q\\\" Z\n%s  %s\"\n", indent, indent, strings.Join(w.lines(), "\n"+indent+"  "))
		case n == 7:
			fmt.Fprintf(&w.b, " [\n%s  %q, # Q: Z\n%s  Z ]\n", indent, w.secret(), indent)
		default:
			fmt.Fprintf(&w.b, " %q # %s\n", w.secret(), w.secret())
		}
	}
}

func (w *writer) json() {
	w.b.WriteString("{")
	for i := range 1 + w.IntN(4) {
		if i > 0 {
			w.b.WriteString([]string{",", ", ", ",\n\t "}[w.IntN(3)])
		}
		fmt.Fprintf(&w.b, "%q:%s", w.key(), []string{"", " ", "\n  "}[w.IntN(3)])
		switch n := w.IntN(4); {
		case n == 0 && w.depth < 5:
			w.depth++
			w.json()
			w.depth--
		case n == 1:
			fmt.Fprintf(&w.b, "[%q, []%s, {}, %q]", w.secret(), []string{"", "\n"}[w.IntN(2)], strings.Join(w.lines(), "\n"))
		default:
			fmt.Fprintf(&w.b, "%q", w.secret())
		}
	}
	w.b.WriteString("}")
}

// pairs writes TOML and dotenv.
func (w *writer) pairs(format document.Format) {
	equals := map[document.Format]string{document.TOML: " = ", document.Dotenv: "="}[format]
	for i := range 1 + w.IntN(6) {
		switch n := w.IntN(4); {
		case n == 0 && format == document.TOML:
			fmt.Fprintf(&w.b, "[t%d.%s]\nx%d.y = \"Q\"\na%d = {%s = 'Q', %s = [\"Z\", \"Q{\"]} # Q = Z\n", i, w.key(), i, i, "b", "c")
		case n == 1 && format == document.TOML:
			fmt.Fprintf(&w.b, "v%d = \"\"\"\n%s\n\"\"\"\n", i, strings.Join(w.lines(), "\n"))
		case n == 1:
			fmt.Fprintf(&w.b, "V%d=\"Q\n%s\"\n", i, strings.Join(w.lines(), "\n"))
		default:
			fmt.Fprintf(&w.b, "x%d%s%q # Q\n", i, equals, w.secret())
		}
	}
}

func (w *writer) write(format document.Format) string {
	switch format {
	case document.YAML:
		w.yaml("")
	case document.JSON:
		w.json()
	default:
		w.pairs(format)
	}
	return w.b.String()
}

// damage makes most files unreadable. What is a key in one that is not may be
// another than before, if something was put in.
func (w *writer) damage(s string) (damaged string, otherKeys bool) {
	switch at := w.IntN(len(s) + 1); w.IntN(4) {
	case 0:
		return s[:at], false
	case 1:
		return s[:at] + []string{"{", "[", "]", "}", `"`, "'", "\t", "\xff", "\x00"}[w.IntN(9)] + s[at:], true
	default:
		return s, false
	}
}

// FuzzExcerpt looks at all excerpts of files whose values are known: none may have
// a byte of one.
func FuzzExcerpt(f *testing.F) {
	for seed := range uint64(3000) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, 0))}
		format := []document.Format{document.YAML, document.JSON, document.TOML, document.Dotenv}[kind%4]
		text, otherKeys := w.damage(w.write(format))
		documents, _ := document.Parse(format, []byte(text), document.Options{})
		if documents == nil || !otherKeys {
			checkExcerpts(t, format, text, documents, secretLetters)
		}
	})
}

// FuzzExcerptAny looks for panics, and for bounds.
func FuzzExcerptAny(f *testing.F) {
	f.Add("a: [b, {c: d}]\n\"x\": |\n  y\n", uint8(0))
	f.Add(`{"a": {"b": [1, "x"]}}`, uint8(1))
	f.Add("[a.b]\nc = 1\n", uint8(2))
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		format := []document.Format{document.YAML, document.JSON, document.TOML, document.Dotenv}[kind%4]
		documents, _ := document.Parse(format, []byte(text), document.Options{})
		checkExcerpts(t, format, text, documents, "")
	})
}

func checkExcerpts(t *testing.T, format document.Format, text string, documents []*document.Node, secret string) {
	t.Helper()
	e := New(format, []byte(text), documents, Filter{})
	for line := -1; line <= min(200, strings.Count(text, "\n")+2); line++ {
		for _, column := range []int{-1, 0, 1, 2, 3, 5, 8, 13, 1 << 20} {
			for _, shown := range e.Around(line, column) {
				if secret != "" && strings.ContainsAny(shown, secret) {
					t.Fatalf("a value is shown: %q, of %s, parsed: %v\n%s", shown, format, documents != nil, text)
				}
				if n := utf8.RuneCountInString(shown); n > maxWidth+20 || !utf8.ValidString(shown) {
					t.Fatalf("%d characters: %q", n, shown)
				}
			}
		}
	}
}

// TestExcerptIsTold shows that the fuzz test sees keys at all.
func TestExcerptIsTold(t *testing.T) {
	t.Parallel()
	const text = "server:\n  port: Q\n  list: [Q, {key: Z, other: Q}] # Q\n"
	documents, _ := document.Parse(document.YAML, []byte(text), document.Options{})
	got := strings.Join(New(document.YAML, []byte(text), documents, Filter{}).Around(2, 9), "\n")
	want := "1 | server:\n2 |   port: …\n  |         ^\n3 |   list: […, {key: …, other: …"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	broken := strings.Replace(text, "]", "", 1)
	got = strings.Join(New(document.YAML, []byte(broken), nil, Filter{}).Around(2, 9), "\n")
	want = "1 | server:\n2 |   port: …\n  |         ^\n3 |   list: …"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
