package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
)

// read returns the members of a dotenv file, then what was found.
func read(format document.Format, text string) string {
	documents, findings := document.Parse(format, []byte(text), document.Options{})
	var b strings.Builder
	for _, root := range documents {
		for _, m := range root.Members {
			fmt.Fprintf(&b, "%s=%q;", m.Key.Text, m.Value.Text)
			if m.Value.Inherited() {
				b.WriteString("inherited;")
			}
		}
	}
	for _, f := range findings {
		fmt.Fprintf(&b, "%s at %d:%d;", f.Code, f.Line, f.Column)
	}
	return b.String()
}

// TestDotenvAsComposeReadsIt holds the lines that Docker Compose takes.
func TestDotenvAsComposeReadsIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`A='Let\'s go'`:           `A="Let's go";`,
		`A='C:\new\x' # c`:        `A="C:\\new\\x";`,
		"A='two\nlines'":          `A="two\nlines";`,
		"FOO":                     `FOO="";inherited;`,
		"export FOO":              `FOO="";inherited;`,
		"export\tFOO=x":           `FOO="x";`,
		"exported=x":              `exported="x";`,
		"FOO=\nBAR":               `FOO="";BAR="";inherited;`,
		"spring.datasource.url=x": `spring.datasource.url="x";`,
		"a-b.c[0]=x":              `a-b.c[0]="x";`,
		"FOO: bar":                `FOO="bar";`,
		"FOO: bar=baz":            `FOO="bar=baz";`,
		"URL=http://h:80/ x":      `URL="http://h:80/ x";`,
		"A = b":                   `A="b";dotenv-space at 1:1;`,
		"A=x#y # z":               `A="x#y";`,
		"2A=x":                    `2A="x";dotenv-key at 1:1;`,
		"A B=x":                   `A B="x";dotenv-key at 1:1;`,
		"A B":                     `syntax at 1:1;`,
		"two words: x":            `syntax at 1:1;`,
		"http://host/":            `syntax at 1:1;`,
		`A='Let's go'`:            `syntax at 1:8;`,
		"A=1\nA":                  `A="1";A="";inherited;duplicate-key at 2:1;`,
	} {
		if got := read(document.Dotenv, text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestKubeEnv holds the subset of the shell's syntax that the kubelet takes.
func TestKubeEnv(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A='b c'\n\n  # c\n  B=''\n":       `A="b c";B="";`,
		"A='two\nlines' # c\nB='\\n$x#\"'": `A="two\nlines";B="\\n$x#\"";`,
		"a.b-c='x'":                        `a.b-c="x";`,
		"A=b":                              `syntax at 1:3;`,
		`A="b"`:                            `syntax at 1:3;`,
		"A= 'b'":                           `syntax at 1:1;`,
		"A ='b'":                           `syntax at 1:1;`,
		"='b'":                             `syntax at 1:1;`,
		"export A='b'":                     `syntax at 1:1;`,
		"A":                                `syntax at 1:1;`,
		"A='b":                             `syntax at 1:3;`,
		"A='it'\\''s'":                     `syntax at 1:7;`,
		"A='1'\nA='2'":                     `A="1";A="2";duplicate-key at 2:1;`,
		"Ä='x'":                            `syntax at 1:1;`,
	} {
		if got := read(document.KubeEnv, text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got := read(document.KubeEnv, strings.Repeat("A", 129)+"='x'"); got != "syntax at 1:1;" {
		t.Errorf("a long name: got %s", got)
	}
}

// TestNamesWithDots finds a name of a dotenv file that a path would take apart.
func TestNamesWithDots(t *testing.T) {
	t.Parallel()
	documents, _ := document.Parse(document.Dotenv, []byte("spring.url=x\n"), document.Options{})
	path, err := document.ParsePath("spring.url")
	if err != nil || path.Find(documents[0]).Value == nil {
		t.Errorf("not found: %v", err)
	}
}
