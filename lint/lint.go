// Package lint finds errors in Kubernetes manifests that keep a Pod from starting, or that lose what it writes. [Linter.Lint]
// is the entry point.
//
// It reads files only: it asks no cluster and no registry. A value that only a cluster or a template knows is never the
// reason for a finding. Manifests may hold secrets: no finding quotes a value of an environment variable or of a Secret.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Severity says how bad a finding is.
type Severity uint8

// The severities.
const (
	Info    Severity = iota + 1 // can be better
	Warning                     // fails sooner or later
	Error                       // fails, or loses data
)

func (s Severity) String() string { return severities()[s] }

func severities() map[Severity]string {
	return map[Severity]string{Info: "info", Warning: "warning", Error: "error"}
}

// ParseSeverity returns the severity of a name.
func ParseSeverity(name string) (Severity, error) {
	for s, n := range severities() {
		if n == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("want info, warning or error")
}

// A Finding is one thing to change.
type Finding struct {
	Rule      string   // such as "I2", a row of [Rules]; "syntax" for what cannot be read
	Severity  Severity //
	Path      string   // of the file; "-" for the standard input
	Line      int      // from 1
	Column    int      // from 1, in characters
	Object    string   // such as "Deployment/web"; "" if the file cannot be read
	Container string   // "" if the finding is about no single one
	Message   string   // what is wrong
	Fix       string   // what to do about it
	Edit      Edit     `json:"-"` // that does it, if that is safe; see [Linter.Fix]

	// Excerpt has the line with its number, and below it a caret; secrets are masked. See [Linter.Excerpts].
	Excerpt string `json:",omitempty"`
}

// compare orders findings as they stand in the files.
func (f Finding) compare(other Finding) int {
	return cmp.Or(
		strings.Compare(f.Path, other.Path), cmp.Compare(f.Line, other.Line), cmp.Compare(f.Column, other.Column),
		strings.Compare(f.Rule, other.Rule), strings.Compare(f.Message, other.Message),
	)
}

// A File is what a manifest file holds.
type File struct {
	Path  string // as findings show it
	Data  []byte
	Found bool // in a directory, among other files: it is ignored if it cannot be parsed and has no apiVersion
}

// A Report is the result of a [Linter].
type Report struct {
	Findings   []Finding // in the order of the files
	Objects    int       // that were read
	Pods       int       // and specifications of Pods among them
	Suppressed int       // findings that a comment or an annotation suppresses
	Ignored    []string  // paths of files that a directory has and that are no manifests: see [File]
}

// Worst returns the severity of the worst finding, 0 if there is none.
func (r Report) Worst() Severity {
	worst := Severity(0)
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// A Linter says which rules hold. The zero value applies all of them.
type Linter struct {
	Only []string // ids of the only rules to apply; none: all
	Skip []string // ids of rules that are not applied

	KubeMinor int  // of the version of Kubernetes that the manifests are for, such as 30 for 1.30; zero if it is not known
	Excerpts  bool // findings have an excerpt
}

// Lint reads the files as one set of manifests, and applies the rules to it.
func (l Linter) Lint(files ...File) Report {
	m := &Manifests{minor: l.KubeMinor, schema: readSchema(), kinds: map[string]*ofKind{}, files: map[string]parsed{}}
	for _, f := range files {
		m.read(f)
	}
	r := Report{Findings: m.findings, Objects: m.objects, Pods: len(m.Pods), Ignored: m.ignored}
	for _, rule := range Rules() {
		if len(l.Only) > 0 && !slices.Contains(l.Only, rule.ID) || slices.Contains(l.Skip, rule.ID) {
			continue
		}
		for _, p := range m.checkedBy(rule) {
			r.add(rule, p, m)
		}
	}
	slices.SortFunc(r.Findings, Finding.compare)
	r.Findings = slices.Compact(r.Findings)
	if l.Excerpts {
		e := excerpter{files: m.files, shown: newShown()}
		e.add(r.Findings)
	}
	return r
}

// add applies a rule to a Pod.
func (r *Report) add(rule RuleInfo, p *Pod, m *Manifests) {
	for _, f := range rule.Check(p, m) {
		f.Rule, f.Severity = rule.ID, cmp.Or(f.Severity, rule.Severity)
		f.Path, f.Object = p.path, p.object
		if p.suppresses(f) {
			r.Suppressed++
			continue
		}
		r.Findings = append(r.Findings, f)
	}
}
