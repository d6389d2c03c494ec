package render

import (
	"sort"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/suggest"
)

// A span is an action: from {{ to }}.
type span struct{ start, end int }

// explainSyntax finds the position of a syntax error. text/template reports the line at most, and quotes the
// template.
func (p *templateProgram) explainSyntax(err error) error {
	actions, unclosed := p.actions()
	// The first action that makes the template before it invalid has the error.
	open := opened(p.text, actions)
	first := sort.Search(len(actions), func(i int) bool {
		if open[i] < 0 {
			return true
		}
		_, err := parseTrees(p.text[:actions[i].end] + strings.Repeat("{{end}}", open[i]))
		return err != nil
	})
	if first == len(actions) {
		if unclosed != nil {
			return unclosed
		}
		return p.neverEnds(actions)
	}
	a := actions[first]
	if open[first] < 0 {
		return p.problem(a.start, "{{end}} without an opening action such as {{if}}", "")
	}
	if _, last := parseTrees(p.text[:a.end] + strings.Repeat("{{end}}", open[first])); last != nil {
		err = last
	}
	return p.syntaxWords(a, err.Error())
}

// syntaxWords translates a message of the parser about an action.
func (p *templateProgram) syntaxWords(a span, message string) error {
	_, message, _ = strings.Cut(message, "template: "+rootName+":") // a line follows
	_, message, _ = strings.Cut(message, ": ")
	if word, ok := between(message, `function "`, `" not defined`); ok {
		return p.problem(p.find(a, word), "unknown function"+didYouMean(word), "inith render --help lists the functions; quote a string")
	}
	if word, ok := between(message, `undefined variable "`, `"`); ok {
		return p.problem(p.find(a, word), "undefined variable", "define it with {{$name := value}}; it ends with the {{if}}, {{with}} or {{range}} around it")
	}
	for _, known := range []struct{ in, text string }{
		{"missing value for ", "a value is missing"},
		{"non executable command in pipeline", "only a function may follow |"},
		{"unclosed left paren", "a parenthesis is not closed"},
		{"unexpected right paren", "a closing parenthesis without its opening one"},
		{"bad number syntax", "not a number"},
		{"expected :=", "want := or ="},
		{"multiple definition of template", "duplicate template name"},
		{"too many declarations", "too many variables are declared"},
		{"range can only initialize variables", "range declares variables with :="},
		{"outside {{range}}", "{{break}} and {{continue}} are for {{range}}"},
		{"max expression depth", "too many parentheses"},
		{"unexpected {{else}}", "unexpected {{else}}"},
		{"in template clause", "want a quoted name and one value"},
		{"in define clause", "want a quoted name"},
		{"in block clause", "want a quoted name"},
		{"unexpected {{define", "{{define}} is not allowed inside another action"},
	} {
		if strings.HasPrefix(message, known.in) || strings.Contains(message, " "+known.in) {
			return p.problem(a.start, known.text, "")
		}
	}
	return p.problem(a.start, "not a template action", "write literal braces as {{\"{{\"}}")
}

// didYouMean suggests a function.
func didYouMean(word string) string {
	var names []string
	for _, f := range Functions() {
		if names = append(names, f.Name); strings.EqualFold(word, f.Name) {
			word = f.Name
		}
	}
	return suggest.DidYouMean(word, names)
}

// neverEnds reports the action whose {{end}} is missing.
func (p *templateProgram) neverEnds(actions []span) error {
	var begun []int
	for _, a := range actions {
		switch depth(p.text, a) {
		case 1:
			begun = append(begun, a.start)
		case -1:
			begun = begun[:max(len(begun)-1, 0)]
		}
	}
	if len(begun) == 0 {
		return p.problem(0, "not a template", "")
	}
	return p.problem(begun[len(begun)-1], "the {{end}} for this action is missing", "")
}

// find returns the offset of a word in an action.
func (p *templateProgram) find(a span, word string) int {
	return a.start + max(strings.Index(p.text[a.start:a.end], word), 0)
}

func between(s, before, after string) (string, bool) {
	_, rest, ok := strings.Cut(s, before)
	i := strings.LastIndex(rest, after)
	if !ok || i < 0 {
		return "", false
	}
	return rest[:i], true
}

// opened returns the number of open blocks after each action. It is negative from an {{end}} without a block on.
func opened(text string, actions []span) []int {
	open, now := make([]int, len(actions)), 0
	for i, a := range actions {
		if now >= 0 {
			now += depth(text, a)
		}
		open[i] = now
	}
	return open
}

// depth returns 1 for an action that opens a block and -1 for one that closes it.
func depth(text string, a span) int {
	inner := strings.TrimLeft(strings.TrimPrefix(text[a.start+2:a.end], "-"), " \t\r\n")
	word := inner[:len(inner)-len(strings.TrimLeft(inner, "abcdefghijklmnopqrstuvwxyz"))]
	switch word {
	case "if", "range", "with", "define", "block":
		return 1
	case "end":
		return -1
	default:
		return 0
	}
}

// actions returns all actions, up to the first one that is not closed, which is a problem.
func (s source) actions() ([]span, *diag.Error) {
	var all []span
	for pos := 0; ; {
		i := strings.Index(s.text[pos:], "{{")
		if i < 0 {
			return all, nil
		}
		start := pos + i
		end, problem := s.action(start)
		if problem != nil {
			return all, problem
		}
		all = append(all, span{start, end})
		pos = end
	}
}

// action returns the end of the action that begins at start.
func (s source) action(start int) (end int, _ *diag.Error) {
	pos := start + len("{{")
	if comment := strings.TrimLeft(strings.TrimPrefix(s.text[pos:], "-"), " \t\r\n"); strings.HasPrefix(comment, "/*") {
		i := strings.Index(comment, "*/")
		if i < 0 {
			return 0, s.problem(start, "this comment is not closed by */}}", "")
		}
		pos = len(s.text) - len(comment) + i + len("*/")
	}
	for pos < len(s.text) {
		switch c := s.text[pos]; c {
		case '}':
			if strings.HasPrefix(s.text[pos:], "}}") {
				return pos + len("}}"), nil
			}
			pos++
		case '"', '\'', '`':
			n := quoted(s.text[pos:], c)
			if n == 0 {
				return 0, s.problem(pos, "this quote is not closed", "")
			}
			pos += n
		default:
			if strings.HasPrefix(s.text[pos:], "{{") {
				return 0, s.problem(start, "this action is not closed by }}", "")
			}
			pos++
		}
	}
	return 0, s.problem(start, "this action is not closed by }}", "")
}

// quoted returns the length of the quoted string at the start of s, or 0 if it is not closed.
func quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] == '\n' && quote != '`':
			return 0
		}
	}
	return 0
}
