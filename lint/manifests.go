package lint

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// Manifests are the objects of a set of files.
type Manifests struct {
	Pods []*Pod

	minor    int // of the version of Kubernetes, 0 if it is unknown
	schema   schema
	objects  int
	kinds    map[string]*ofKind
	findings []Finding // of files that cannot be read
	ignored  []string  // paths
	files    map[string]parsed
	others   []*Pod // objects of a known kind that hold no Pod
}

// ofKind are the objects of one kind.
type ofKind struct {
	all    []value
	byName map[string]value
	names  []string
}

// index notes an object under its kind and its name.
func (m *Manifests) index(v value) {
	kind, name := v.at("kind").text(), v.at("metadata", "name").text()
	k := m.kinds[kind]
	if k == nil {
		k = &ofKind{byName: map[string]value{}}
		m.kinds[kind] = k
	}
	if _, known := k.byName[name]; !known {
		k.names = append(k.names, name)
	}
	k.all, k.byName[name] = append(k.all, v), v
}

// of returns the objects of a kind.
func (m *Manifests) of(kind string) *ofKind {
	if k := m.kinds[kind]; k != nil {
		return k
	}
	return &ofKind{}
}

// read adds the objects of a file.
func (m *Manifests) read(f File) {
	documents, problems := document.Parse(document.YAML, f.Data, document.Options{Templates: true})
	m.files[f.Path] = parsed{f.Data, documents}
	if line, column := braces(f.Data); documents == nil && line > 0 {
		at := diag.Position{Line: line, Column: column}
		m.fail(Info, f.Path, at, "a template that was not rendered", "render it first: helm template . | inith lint -")
		return
	}
	if documents == nil && f.Found && !bytes.Contains(f.Data, []byte("apiVersion")) {
		m.ignored = append(m.ignored, f.Path)
		return
	}
	for _, p := range problems {
		if documents == nil || p.Code == "duplicate-key" {
			m.fail(Error, f.Path, p.Position, p.Text(), p.Hint)
		}
	}
	from := source{path: f.Path, marks: readMarks(f.Data), lines: &lines{data: f.Data}}
	for _, d := range documents {
		m.add(value{d}, from)
	}
}

// fail adds a finding about the file itself.
func (m *Manifests) fail(severity Severity, path string, at diag.Position, message, fix string) {
	m.findings = append(m.findings, Finding{
		Rule: "syntax", Severity: severity, Path: path, Line: at.Line, Column: at.Column, Message: message, Fix: fix,
	})
}

// braces returns the position of the first template in a file, outside comments.
func braces(data []byte) (line, column int) {
	n := 0
	for text := range bytes.Lines(data) {
		n++
		before, _, found := bytes.Cut(text, []byte("{{"))
		if found && !bytes.Contains(before, []byte("#")) {
			return n, utf8.RuneCount(before) + 1
		}
	}
	return 0, 0
}

// add adds an object, or those of a list.
func (m *Manifests) add(v value, from source) {
	if !v.exists() {
		return
	}
	if items := v.at("items"); items.exists() && !v.at("spec").exists() {
		for _, item := range items.items() {
			m.add(item, from)
		}
		return
	}
	m.objects++
	m.index(v)
	root := m.schema.root(v)
	if p := podOf(v, m.schema.holdsPod(root), from); p != nil {
		m.Pods = append(m.Pods, p)
	} else if root != "" {
		m.others = append(m.others, objectOf(v, from))
	}
}

// checkedBy returns what a rule looks at.
func (m *Manifests) checkedBy(rule RuleInfo) []*Pod {
	if _, all := rule.Rule.(objectRule); all {
		return slices.Concat(m.Pods, m.others)
	}
	return m.Pods
}
