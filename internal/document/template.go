package document

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/lazyregexp"
)

const hintRender = "render the file before it is mounted, or write the value"

// A templatePattern matches unrendered templates.
type templatePattern struct {
	pattern *regexp.Regexp
	message string
}

var (
	braces  = lazyregexp.New(`\{\{.*?\}\}`)
	angles  = lazyregexp.New(`(?i)<(change|replace|insert|your|todo|fixme)([ _-]?[a-z0-9 _-]*)>`)
	dollars = lazyregexp.New(`(^|[^$\\])\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-?+=][^}]*)?\}`)
)

func templatePatterns(format Format) []templatePattern {
	patterns := []templatePattern{
		{braces(), "{{ }}: an unrendered template"},
		{angles(), "< >: a placeholder"},
	}
	if format == YAML || format == JSON || format == JSONC || format == TOML {
		// In other formats, a shell or a server such as nginx has variables of its own.
		patterns = append(patterns, templatePattern{
			dollars(), "${ }: a variable that was not substituted",
		})
	}
	return patterns
}

// findTemplates finds what a template engine, envsubst or a person should have replaced. It searches the strings of
// the documents, or, if there are none, all lines that are not comments.
func (r *reading) findTemplates(format Format, documents []*Node) {
	if format == PEM {
		return
	}
	f := &templateFinder{reading: r, patterns: templatePatterns(format), seen: map[*Node]bool{}}
	for _, n := range documents {
		f.walk(n, false)
	}
	if len(documents) == 0 {
		f.lines()
	}
}

type templateFinder struct {
	*reading
	patterns []templatePattern
	seen     map[*Node]bool
}

// walk searches the strings of n, except those below a key whose values are usually templates.
func (f *templateFinder) walk(n *Node, purpose bool) {
	if n.Kind == Sequence || n.Kind == Mapping { // which an alias shares
		if f.seen[n] {
			return
		}
		f.seen[n] = true
	}
	if n.Kind == String && !purpose && !strings.Contains(n.Text, "\n") {
		f.find([]byte(n.Text), n.Position())
	}
	for _, item := range n.Items {
		f.walk(item, purpose)
	}
	for _, m := range n.Members {
		f.walk(m.Key, purpose)
		f.walk(m.Value, purpose || onPurpose(m.Key.Text))
	}
}

func (f *templateFinder) find(text []byte, at diag.Position) {
	if !bytes.ContainsAny(text, "{<") {
		return
	}
	for _, p := range f.patterns {
		if p.pattern.Match(text) {
			f.add(at, ruleTemplate, p.message, hintRender)
			return
		}
	}
}

// lines searches the text.
func (f *templateFinder) lines() {
	for i, start := range f.source.lines {
		line := bytes.TrimSpace(f.source.line(i + 1))
		if bytes.HasPrefix(line, []byte("#")) || bytes.HasPrefix(line, []byte("//")) || bytes.HasPrefix(line, []byte(";")) {
			continue
		}
		for _, p := range f.patterns {
			if m := p.pattern.FindIndex(line); m != nil {
				indent := bytes.Index(f.source.text[start:], line)
				f.add(f.source.position(start+indent+m[0]), ruleTemplate, p.message, hintRender)
				break
			}
		}
	}
}

// onPurpose reports whether the application itself probably renders the value of a key: a chat template, an alert, a
// log format.
func onPurpose(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"template", "prompt", "format", "pattern", "message", "title", "text", "summary", "description", "annotation", "expr", "query"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
