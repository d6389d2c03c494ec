package render

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

// A substitution is a file in which only variables are replaced.
type substitution struct {
	source

	variables variables
	parts     []part
}

// A part is literal text or a variable.
type part struct {
	text string // if name is ""
	name string
	at   int // offset

	operator  string // "", "-", "?" or "+"; with a colon before it, an empty variable counts as not set
	otherwise []part // behind - and +
	message   string // behind ?
}

// A filter is the variables to replace; the zero value is all. If there is one, everything else stays as it is.
type filter struct{ names, prefixes []string }

func (f filter) any() bool { return len(f.names)+len(f.prefixes) > 0 }

func (f filter) has(name string) bool {
	hasPrefix := func(prefix string) bool { return name != "" && strings.HasPrefix(name, prefix) }
	return slices.Contains(f.names, name) || slices.ContainsFunc(f.prefixes, hasPrefix)
}

// parseSubstitution finds variables.
func parseSubstitution(path, text string, v variables, only filter) (*substitution, error) {
	p := &substitutionParser{source: source{path, text}, only: only}
	parts, err := p.parts(0)
	if err != nil {
		return nil, err
	}
	return &substitution{p.source, v, parts}, nil
}

type substitutionParser struct {
	source

	only filter
	pos  int
}

// parts reads up to the end, or up to the closing brace of the enclosing variable.
func (p *substitutionParser) parts(depth int) ([]part, error) {
	if depth > maxDepth {
		return nil, p.problem(p.pos, "braces are nested too deeply", "")
	}
	var all []part
	begin := p.pos
	flush := func(end int) {
		if end > begin {
			all = append(all, part{text: p.text[begin:end]})
		}
	}
	for p.pos < len(p.text) {
		switch {
		case depth > 0 && p.text[p.pos] == '}':
			flush(p.pos)
			return all, nil
		case p.escaped():
			flush(p.pos + 1)
			p.pos += 2
			begin = p.pos
		case p.refers(p.pos):
			flush(p.pos)
			v, err := p.variable(depth)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
			begin = p.pos
		default:
			p.pos++
		}
	}
	flush(p.pos)
	return all, nil
}

// escaped reports whether two dollars stand for one. If there is a filter, they do so only before one of its variables.
func (p *substitutionParser) escaped() bool {
	return strings.HasPrefix(p.text[p.pos:], "$$") && (!p.only.any() || p.refers(p.pos+1))
}

// refers reports whether there is a variable to replace at an offset, or the beginning of an invalid one.
func (p *substitutionParser) refers(at int) bool {
	rest, ok := strings.CutPrefix(p.text[at:], "$")
	if !ok {
		return false
	}
	rest, braces := strings.CutPrefix(rest, "{")
	name := leadingName(rest)
	if p.only.any() {
		return p.only.has(name)
	}
	return braces || name != ""
}

func (p *substitutionParser) variable(depth int) (part, error) {
	v := part{at: p.pos}
	p.pos++
	rest, braces := strings.CutPrefix(p.text[p.pos:], "{")
	v.name = leadingName(rest)
	p.pos += len(v.name)
	if !braces {
		return v, nil
	}
	p.pos++
	if v.name == "" {
		return v, p.problem(v.at, "${ without a variable name", "write $$ for a dollar")
	}
	rest = p.text[p.pos:]
	if strings.HasPrefix(rest, "}") {
		p.pos++
		return v, nil
	}
	if rest == "" {
		return v, p.problem(v.at, "this brace is not closed", "")
	}
	v.operator = operatorOf(rest)
	if v.operator == "" {
		return v, p.problem(p.pos, "unexpected character after the variable name", "the forms are ${A:-default}, ${A-default}, ${A:?message}, ${A?message}, ${A:+other}, ${A+other}")
	}
	p.pos += len(v.operator)
	return p.behind(v, depth)
}

// behind reads what follows the operator, and the closing brace.
func (p *substitutionParser) behind(v part, depth int) (part, error) {
	var err error
	if strings.HasSuffix(v.operator, "?") {
		length := strings.IndexByte(p.text[p.pos:], '}')
		if length >= 0 {
			v.message = p.text[p.pos : p.pos+length]
			p.pos += length
		} else {
			p.pos = len(p.text)
		}
	} else if v.otherwise, err = p.parts(depth + 1); err != nil {
		return v, err
	}
	if p.pos == len(p.text) {
		return v, p.problem(v.at, "this brace is not closed", "")
	}
	p.pos++
	return v, nil
}

func operatorOf(s string) string {
	for _, operator := range []string{":-", ":?", ":+", "-", "?", "+"} {
		if strings.HasPrefix(s, operator) {
			return operator
		}
	}
	return ""
}

func (s *substitution) run(ctx context.Context, w *output) error {
	var missing missing
	err := s.write(w, s.parts, &missing)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(missing.errors(), err)
}

// write writes what the parts stand for. It collects what is missing; any other error ends it.
func (s *substitution) write(w *output, parts []part, missing *missing) error {
	for _, p := range parts {
		text := p.text
		if p.name != "" {
			value, set, err := s.variables.get(p.name)
			if r, ok := err.(*usererr.Error); ok { //nolint:errorlint // get returns no other
				missing.add(diag.At(s.position(p.at), r))
				continue
			}
			there := set && (value != "" || !strings.HasPrefix(p.operator, ":"))
			switch operator := strings.TrimPrefix(p.operator, ":"); {
			case operator == "+" && !there:
				continue
			case operator == "+", operator == "-" && !there:
				if err := s.write(w, p.otherwise, missing); err != nil {
					return err
				}
				continue
			case !there:
				missing.add(diag.At(s.position(p.at), s.missing(p)))
				continue
			}
			text = value
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return diag.At(diag.Position{File: s.path}, errTooLarge())
		}
	}
	return nil
}

// missing returns the error for a variable that is not set, with the message given in the text. It does not show a
// name in lower case, because that may be the rest of a password with a dollar in it.
func (s *substitution) missing(p part) *usererr.Error {
	r := s.variables.missing(p.name)
	if p.message != "" {
		r = &usererr.Error{Text: "$" + p.name + ": " + p.message}
	} else if strings.ToUpper(p.name) != p.name {
		r.Text, r.Hint = "the variable after this dollar is not set", "write $$ for a dollar, or name the variables to replace with --only"
	} else if _, set := s.variables[p.name]; set {
		r.Text = "$" + p.name + " is empty"
	} else {
		r.Hint = "set it, or $" + p.name + "_FILE to a file with the value; ${" + p.name + ":-…} sets a default"
	}
	return r
}
