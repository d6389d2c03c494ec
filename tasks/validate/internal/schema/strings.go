package schema

import (
	"strings"

	"github.com/inith/inith/internal/document"
)

func pattern(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.String {
		return s.wrong(name, value, "a string")
	}
	re := s.regexp(name, value)
	if re == nil {
		return nil
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if n.Kind != document.String {
			return
		}
		e.spend(len(n.Text) / 16)
		if !re.matches(n.Text) {
			out.add(n, at, name, "does not fit the pattern that it must fit")
		}
	}
}

// format asserts formats. As the standard requires, an unknown format accepts every value.
func format(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.String {
		return s.wrong(name, value, "a string")
	}
	fits := formats()[value.Text]
	if fits == nil {
		return nil
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if n.Kind != document.String {
			return
		}
		e.spend(len(n.Text) / 16)
		if !fits(n.Text) {
			out.add(n, at, name, "is not of the format "+value.Text)
		}
	}
}

// hasFragment reports whether a reference ends in #name.
func hasFragment(ref, name string) bool {
	_, fragment, _ := strings.Cut(ref, "#")
	return fragment == name
}
