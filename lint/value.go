package lint

import (
	"strings"

	"github.com/inith/inith/internal/document"
)

// A value is one of a manifest; the zero value is one that is missing.
type value struct{ node *document.Node }

// at returns the value below keys.
func (v value) at(keys ...string) value {
	for _, k := range keys {
		if v.node == nil {
			return value{}
		}
		v.node = v.node.Member(k)
	}
	return v
}

// exists reports whether the value is present, and not null.
func (v value) exists() bool { return v.node != nil && v.node.Kind != document.Null }

// text returns a scalar as a string, "" if it is none.
func (v value) text() string {
	if v.node == nil || v.node.Kind == document.Sequence || v.node.Kind == document.Mapping || v.node.Kind == document.Null {
		return ""
	}
	return v.node.Text
}

// items returns the values of a list.
func (v value) items() []value {
	if v.node == nil {
		return nil
	}
	all := make([]value, len(v.node.Items))
	for i, n := range v.node.Items {
		all[i] = value{n}
	}
	return all
}

// texts returns the strings of a list.
func (v value) texts() []string {
	var all []string
	for _, item := range v.items() {
		all = append(all, item.text())
	}
	return all
}

// finding returns a finding at the value.
func (v value) finding(message, fix string) Finding {
	f := Finding{Message: message, Fix: fix}
	if v.node != nil {
		p := v.node.Position()
		f.Line, f.Column = p.Line, p.Column
	}
	return f
}

// line returns where the value begins, 0 if it is missing.
func (v value) line() int {
	if v.node == nil {
		return 0
	}
	return v.node.Position().Line
}

// isUnknown reports whether only a template, a shell or the kubelet knows what s becomes.
func isUnknown(s string) bool { return strings.Contains(s, "{{") || strings.Contains(s, "$") }
