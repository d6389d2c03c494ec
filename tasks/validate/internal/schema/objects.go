package schema

import (
	"slices"
	"strings"

	"github.com/inith/inith/internal/document"
)

func required(s *site, name string, value *document.Node) keyword {
	keys := s.texts(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if n.Kind == document.Mapping {
			e.requireKeys(keys, n, at, out, name)
		}
	}
}

func (e *evaluation) requireKeys(keys []string, n *document.Node, at *trail, out *outcome, name string) {
	e.spend(len(keys) * len(n.Members) / 16)
	for _, key := range keys {
		if n.Member(key) == nil {
			out.add(n, at, name, "does not have the key "+shownOr(key, "that must be there"))
		}
	}
}

// shownOr returns a name of the schema, or other words if it does not look like a name.
func shownOr(name, other string) string {
	if isShown(name) || isShown(strings.ReplaceAll(name, ".", "")) {
		return name
	}
	return other
}

func dependentRequired(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Mapping {
		return s.wrong(name, value, "a mapping")
	}
	needs := map[string][]string{}
	for _, m := range value.Members {
		needs[m.Key.Text] = s.texts(name, m.Value)
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for key, keys := range needs {
			if n.Member(key) != nil {
				e.requireKeys(keys, n, at, out, name)
			}
		}
	}
}

func dependentSchemas(s *site, name string, value *document.Node) keyword {
	subs := s.mapOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for key, sub := range subs {
			if n.Member(key) != nil {
				e.apply(sub, n, at, out)
			}
		}
	}
}

// dependencies of draft 7 has lists of keys, and schemas.
func dependencies(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Mapping {
		return s.wrong(name, value, "a mapping")
	}
	needs, subs := map[string][]string{}, map[string]*subschema{}
	for _, m := range value.Members {
		if m.Value.Kind == document.Sequence {
			needs[m.Key.Text] = s.texts(name, m.Value)
		} else {
			subs[m.Key.Text] = s.one(m.Value)
		}
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for _, m := range n.Members {
			if keys, ok := needs[m.Key.Text]; ok {
				e.requireKeys(keys, n, at, out, name)
			}
			if sub := subs[m.Key.Text]; sub != nil {
				e.apply(sub, n, at, out)
			}
		}
	}
}

func propertyNames(s *site, _ string, value *document.Node) keyword {
	sub := s.one(value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for _, m := range n.Members {
			key := *m.Key
			key.Kind, key.Items, key.Members = document.String, nil, nil
			out.take(e.eval(sub, &key, at.key("", false)))
		}
	}
}

func properties(s *site, name string, value *document.Node) keyword {
	subs := s.mapOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for i, m := range n.Members {
			if sub := subs[m.Key.Text]; sub != nil {
				out.markMember(i)
				out.take(e.eval(sub, m.Value, at.key(m.Key.Text, true)))
			}
		}
	}
}

// A patternSchema applies to the keys that match a pattern.
type patternSchema struct {
	pattern *matcher
	sub     *subschema
}

func patternProperties(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Mapping {
		return s.wrong(name, value, "a mapping of schemas")
	}
	var subs []patternSchema
	for _, m := range value.Members {
		if re := s.regexp(name, m.Key); re != nil {
			subs = append(subs, patternSchema{re, s.one(m.Value)})
		}
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for i, m := range n.Members {
			for _, p := range subs {
				e.spend(len(m.Key.Text) / 16)
				if p.pattern.matches(m.Key.Text) {
					out.markMember(i)
					out.take(e.eval(p.sub, m.Value, at.key("", false)))
				}
			}
		}
	}
}

// additionalProperties applies to the keys that properties and patternProperties of the same schema do not name.
func additionalProperties(s *site, name string, value *document.Node) keyword {
	sub := s.one(value)
	named := map[string]bool{}
	if n := s.schema.Member("properties"); n != nil {
		for _, m := range n.Members {
			named[m.Key.Text] = true
		}
	}
	var patterns []*matcher
	if n := s.schema.Member("patternProperties"); n != nil && n.Kind == document.Mapping {
		for _, m := range n.Members {
			if re := s.regexp(name, m.Key); re != nil {
				patterns = append(patterns, re)
			}
		}
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for i, m := range n.Members {
			key := m.Key.Text
			e.spend(len(patterns) * (1 + len(key)/16))
			if named[key] || slices.ContainsFunc(patterns, func(m *matcher) bool { return m.matches(key) }) {
				continue
			}
			out.markMember(i)
			e.member(sub, m, at, out, name)
		}
	}
}

// member evaluates a schema for a member that no other keyword names. A key that is not allowed is reported at its own
// position.
func (e *evaluation) member(sub *subschema, m document.Member, at *trail, out *outcome, name string) {
	if sub.never {
		out.add(m.Key, at, name, "has a key that it must not have")
		return
	}
	out.take(e.eval(sub, m.Value, at.key("", false)))
}

func unevaluatedProperties(s *site, name string, value *document.Node) keyword {
	sub := s.one(value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for i, m := range n.Members {
			if !out.members[i] {
				out.markMember(i)
				e.member(sub, m, at, out, name)
			}
		}
	}
}
