package lint

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/inith/inith/internal/document"
)

// otherEnvironment finds init containers that check an environment variable that the application has from another source:
// the check says nothing about what the application gets.
func otherEnvironment(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if c.sidecar {
			continue
		}
		for _, checked := range c.checkedVariables() {
			name := checked.name
			own, found := c.variable(name)
			if !found && c.at("envFrom").exists() {
				continue // it may come from there
			}
			if app := p.differing(name, own); app != nil {
				message := "it checks " + name + ", which container " + app.name + " has from another source"
				if !found {
					message = "it checks " + name + ", which only container " + app.name + " has"
				}
				all = append(all, c.inScript(checked.pos, message, "copy the entry "+name+" of env from the application"))
			}
		}
	}
	return all
}

// differing returns an application container that has an environment variable from another source than own, nil if there
// is none, or if one has it from the same source.
func (p *Pod) differing(name string, own value) *container {
	var other *container
	for _, c := range p.app {
		v, found := c.variable(name)
		switch {
		case !found:
		case sameSource(own, v):
			return nil
		case other == nil:
			other = c
		}
	}
	return other
}

// variable returns an entry of env.
func (c *container) variable(name string) (value, bool) {
	for _, e := range c.at("env").items() {
		if e.at("name").text() == name {
			return e, true
		}
	}
	return value{}, false
}

// sameSource reports whether two entries of env have one value, or may have: what is expanded is unknown.
func sameSource(a, b value) bool {
	if isUnknown(a.at("value").text()) || isUnknown(b.at("value").text()) {
		return true
	}
	return a.at("value").text() == b.at("value").text() && equal(a.at("valueFrom").node, b.at("valueFrom").node)
}

// equal compares two values, whatever the order of their keys.
func equal(a, b *document.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Text != b.Text || len(a.Members) != len(b.Members) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, m := range a.Members {
		if !equal(m.Value, b.Member(m.Key.Text)) {
			return false
		}
	}
	return true
}

// checkedVariables returns the environment variables that a container checks: by inith validate --require-env, or in a
// script by [ -z "$NAME" ] or ${NAME:?}.
func (c *container) checkedVariables() []check {
	all := requiredVariables(c.words())
	if c.program.script != nil {
		all = append(all, testedVariables(c.program.script)...)
	}
	slices.SortStableFunc(all, func(a, b check) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b check) bool { return a.name == b.name })
}

// A check is that of an environment variable.
type check struct {
	name string
	pos  syntax.Pos // in a script
}

func requiredVariables(words []string) []check {
	if !slices.Contains(words, "validate") {
		return nil
	}
	const option = "--require-env"
	var all []check
	for i, w := range words {
		names, given := strings.CutPrefix(w, option+"=")
		if w == option && i+1 < len(words) {
			names, given = words[i+1], true
		}
		for name := range strings.SplitSeq(names, ",") {
			if given && !isUnknown(name) {
				all = append(all, check{name: strings.TrimSpace(name)})
			}
		}
	}
	return all
}

// testedVariables returns what a script tests and does not set.
func testedVariables(script *syntax.File) []check {
	var all []check
	var set []string
	syntax.Walk(script, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				set = append(set, n.Name.Value)
			}
		case *syntax.WordIter:
			set = append(set, n.Name.Value)
		case *syntax.ParamExp:
			if n.Param != nil && n.Exp != nil && (n.Exp.Op == syntax.ErrorUnset || n.Exp.Op == syntax.ErrorUnsetOrNull) {
				all = append(all, check{n.Param.Value, n.Pos()})
			}
		case *syntax.UnaryTest: // [[ -z $NAME ]]
			if w, ok := n.X.(*syntax.Word); ok && (n.Op == syntax.TsEmpStr || n.Op == syntax.TsNempStr) {
				all = append(all, variableOf(w)...)
			}
		case *syntax.CallExpr:
			if len(n.Args) > 2 && slices.Contains([]string{"[", "test"}, n.Args[0].Lit()) && slices.Contains([]string{"-z", "-n"}, n.Args[1].Lit()) {
				all = append(all, variableOf(n.Args[2])...)
			}
		}
		return true
	})
	return slices.DeleteFunc(all, func(c check) bool {
		return slices.Contains(set, c.name) || strings.Trim(c.name, "0123456789@*#?") == ""
	})
}

// variableOf returns the name in a word such as "$NAME" or ${NAME:-}, none for another word.
func variableOf(w *syntax.Word) []check {
	parts := w.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	if len(parts) != 1 {
		return nil
	}
	if p, ok := parts[0].(*syntax.ParamExp); ok && p.Param != nil {
		return []check{{p.Param.Value, p.Pos()}}
	}
	return nil
}
