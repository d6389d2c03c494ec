package schema

import (
	"fmt"
	"slices"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// ref is $ref. Its target may be compiled later.
func ref(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.String {
		return s.wrong(name, value, "a string")
	}
	n, r, why := s.resolve(s.resource, value.Text)
	if n == nil {
		s.fail(s.resource, value, name+": "+why)
		return nil
	}
	target := s.compile(n, r)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) { e.apply(target, n, at, out) }
}

// dynamicRef is $dynamicRef. If its target defines the anchor by $dynamicAnchor, it leads to the outermost schema in
// scope that defines the anchor.
func dynamicRef(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.String {
		return s.wrong(name, value, "a string")
	}
	n, r, why := s.resolve(s.resource, value.Text)
	if n == nil {
		s.fail(s.resource, value, name+": "+why)
		return nil
	}
	static, anchor := s.compile(n, r), ""
	for name, target := range r.dynamics {
		if target == n && hasFragment(value.Text, name) {
			anchor = name
		}
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		target := static
		for _, outer := range e.scope {
			if found := outer.dynamics[anchor]; found != nil && anchor != "" {
				target = s.compiled[found]
				break
			}
		}
		e.apply(target, n, at, out)
	}
}

// recursiveRef is $recursiveRef of draft 2019-09. If its target has $recursiveAnchor, it leads to the outermost schema in
// scope that has one too.
func recursiveRef(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.String || value.Text != "#" {
		return s.wrong(name, value, `"#"`)
	}
	r := s.resource
	static := s.compile(r.root, r)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		target := static
		for _, outer := range e.scope {
			if r.recursive && outer.recursive {
				target = s.compiled[outer.root]
				break
			}
		}
		e.apply(target, n, at, out)
	}
}

func allOf(s *site, name string, value *document.Node) keyword {
	all := s.listOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for _, sub := range all {
			e.apply(sub, n, at, out)
		}
	}
}

func anyOf(s *site, name string, value *document.Node) keyword {
	all := s.listOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if valid, results := e.alternatives(all, n, at, out); valid == 0 {
			closest(results, n, at, out, name)
		}
	}
}

func oneOf(s *site, name string, value *document.Node) keyword {
	all := s.listOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		valid, results := e.alternatives(all, n, at, out)
		switch {
		case valid == 0:
			closest(results, n, at, out, name)
		case valid > 1:
			out.add(n, at, name, fmt.Sprintf("fits %d of the %d alternatives, of which it must fit one", valid, len(all)))
		}
	}
}

// alternatives evaluates schemas and counts the valid ones.
func (e *evaluation) alternatives(all []*subschema, n *document.Node, at *trail, out *outcome) (int, []*outcome) {
	valid := 0
	var results []*outcome
	for _, sub := range all {
		result := e.eval(sub, n, at)
		results = append(results, result)
		if result.valid() {
			valid++
			out.learn(result)
		}
	}
	return valid, results
}

// closest adds the violations of the intended alternative, if there is exactly one that accepts the type and the
// constants of the value.
func closest(results []*outcome, n *document.Node, at *trail, out *outcome, name string) {
	var meant []*outcome
	for _, result := range results {
		other := slices.ContainsFunc(result.violations, func(v *diag.Error) bool {
			return v.Position == n.Position() && slices.Contains([]string{"type", "const", "enum", "false"}, v.Code)
		})
		if !other {
			meant = append(meant, result)
		}
	}
	if len(meant) == 1 {
		out.take(meant[0])
		return
	}
	out.add(n, at, name, fmt.Sprintf("fits none of the %d alternatives", len(results)))
}

func not(s *site, name string, value *document.Node) keyword {
	sub := s.one(value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if e.eval(sub, n, at).valid() {
			out.add(n, at, name, "is one of those that must not be")
		}
	}
}

// conditional is if, with then and else.
func conditional(s *site, _ string, value *document.Node) keyword {
	test := s.one(value)
	var yes, no *subschema
	if n := s.schema.Member("then"); n != nil {
		yes = s.one(n)
	}
	if n := s.schema.Member("else"); n != nil {
		no = s.one(n)
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		result, branch := e.eval(test, n, at), no
		if result.valid() {
			branch = yes
			out.learn(result)
		}
		if branch != nil {
			e.apply(branch, n, at, out)
		}
	}
}
