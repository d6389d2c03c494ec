package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/lint"
)

const lintDescription = `Finds what keeps a Pod from starting, or loses what it writes, in Kubernetes
manifests: Pods, and every workload that has one. It reads files only, and asks no
cluster. Often the fix is the line of inith that replaces a script.

PATH is a YAML or JSON file, a directory of them, or - for the standard input.

EXAMPLES:
   inith lint deploy/
   helm template . | inith lint -
   inith lint deploy/ --fail-on error --format github
   inith lint --fix deploy/
   inith lint --list`

// maxManifests bounds what is read, in bytes.
const maxManifests = 64 << 20

// lintOptions are the options of lint.
type lintOptions struct {
	paths  []string
	linter lint.Linter
	failOn lint.Severity
	format string
	list   bool
	fix    bool
}

func lintTable() option.Table[*lintOptions] {
	type o = lintOptions
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{
				Arg: "PATH", Key: option.NoKey, Kind: option.Strings,
				Usage: "files and directories to check",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.paths }),
			},
			{
				Flag: "only", Key: option.NoKey, Kind: option.Strings,
				Usage: "apply only these `RULES`, separated by commas",
				Set:   lintRules(func(o *o) *[]string { return &o.linter.Only }),
			},
			{
				Flag: "skip", Key: option.NoKey, Kind: option.Strings,
				Usage: "do not apply these `RULES`, separated by commas",
				Set:   lintRules(func(o *o) *[]string { return &o.linter.Skip }),
			},
			{
				Flag: "kube-version", Key: option.NoKey, Kind: option.Digits,
				Usage: "the `VERSION` of Kubernetes that the manifests are for, such as 1.30",
				Set:   option.Parsed(lint.ParseKubeVersion, func(o *o) *int { return &o.linter.KubeMinor }),
			},
			{
				Flag: "fail-on", Key: option.NoKey, Default: "warning", Choices: []string{"warning", "error"},
				Usage: "exit with 3 for findings of this `SEVERITY` or a worse one",
				Set:   option.Parsed(lint.ParseSeverity, func(o *o) *lint.Severity { return &o.failOn }),
			},
			{
				Flag: "fix", Key: option.NoKey, Kind: option.Bool,
				Usage: "make the edits that are safe in the files, and report what is left",
				Set:   option.ToBool(func(o *o) *bool { return &o.fix }),
			},
			{
				Flag: "format", Key: option.NoKey, Default: "text", Choices: view.LintFormats(),
				Usage: "write the findings in this `FORMAT`",
				Set:   option.ToString(func(o *o) *string { return &o.format }),
			},
			{
				Flag: "list", Key: option.NoKey, Kind: option.Bool,
				Usage: "list the rules",
				Set:   option.ToBool(func(o *o) *bool { return &o.list }),
			},
		},
	}
}

// lintRules takes ids of rules, separated by commas.
func lintRules(at func(*lintOptions) *[]string) func(*lintOptions, option.Value) error {
	var known []string
	for _, r := range lint.Rules() {
		known = append(known, r.ID)
	}
	return func(o *lintOptions, v option.Value) error {
		for id := range strings.SplitSeq(v.Str, ",") {
			id = strings.ToUpper(strings.TrimSpace(id))
			if !slices.Contains(known, id) {
				return &usererr.Error{Text: "no such rule" + suggest.DidYouMean(id, known), Hint: "inith lint --list shows all rules"}
			}
			*at(o) = append(*at(o), id)
		}
		return nil
	}
}

func lintCommand(c *call) *definition {
	return define(c, spec[*lintOptions]{
		usage:       []string{"inith lint [OPTION...] PATH..."},
		description: func() string { return lintDescription },
		exits:       [][2]string{{"3", "inith found problems"}},
		table:       lintTable(),
		open: func(_ context.Context, s session, o *lintOptions, _ option.Given) (job, error) {
			return openLint(s, o)
		},
	})
}

// A lintJob checks manifests that were read.
type lintJob struct {
	session session
	options *lintOptions
	files   []lint.File
}

func openLint(s session, o *lintOptions) (job, error) {
	j := &lintJob{session: s, options: o}
	if o.list {
		return j, nil
	}
	if len(o.paths) == 0 {
		return nil, errors.New("no path: name a file or a directory, as in inith lint deploy/, or - for the standard input")
	}
	if o.fix && slices.Contains(o.paths, "-") {
		return nil, errFixStdin
	}
	reader := manifestReader{subject: "manifests are", left: maxManifests}
	for _, path := range o.paths {
		if err := reader.add(path); err != nil {
			return nil, err
		}
	}
	j.files = reader.files
	if len(j.files) == 0 {
		return nil, errors.New("no manifest: the directories have no .yaml, .yml or .json file")
	}
	return j, nil
}

// A manifestReader reads files into memory, within a limit.
type manifestReader struct {
	subject string // of the error about the limit, with its verb
	left    int64  // bytes
	files   []lint.File
}

// add reads a file, those of a directory, or the standard input.
func (m *manifestReader) add(path string) error {
	if path == "-" {
		return m.read(path, os.Stdin)
	}
	info, err := os.Stat(path)
	if err != nil {
		return usererr.Local(err)
	}
	if !info.IsDir() {
		return m.open(path)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return usererr.Local(err)
		case entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
			if err := m.open(name); err != nil {
				return err
			}
			m.files[len(m.files)-1].Found = true
		}
		return nil
	})
}

func (m *manifestReader) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return usererr.Local(err)
	}
	defer func() { _ = f.Close() }()
	return m.read(path, f)
}

func (m *manifestReader) read(path string, from io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(from, m.left+1))
	if err != nil {
		return usererr.Local(err)
	}
	if m.left -= int64(len(data)); m.left < 0 {
		return fmt.Errorf("the %s larger than %d MiB", m.subject, maxManifests>>20)
	}
	m.files = append(m.files, lint.File{Path: path, Data: data})
	return nil
}

func (j *lintJob) run(ctx context.Context) (outcome string, err error) {
	if j.options.list {
		return "", view.WriteLintRules(j.session.Stdout)
	}
	if j.options.fix {
		if err := j.fix(ctx); err != nil {
			return "", err
		}
	}
	j.options.linter.Excerpts = j.options.format == "text"
	report := j.options.linter.Lint(j.files...)
	if n := len(report.Ignored); n > 0 {
		j.session.Log.InfoContext(ctx, "ignored: not parsable, and without apiVersion", "files", n, "first", report.Ignored[0])
	}
	if err := view.WriteLint(j.session.Stdout, j.options.format, report); err != nil {
		return "", err
	}
	if report.Worst() >= j.options.failOn {
		return "", &lintError{report}
	}
	return fmt.Sprintf("checked: %s, %s", view.Count(report.Objects, "object"), view.Count(report.Pods, "Pod")), nil
}

// A lintError says that a check of manifests has findings that count.
type lintError struct{ report lint.Report }

func (e *lintError) Error() string {
	return view.Count(len(e.report.Findings), "finding") + " in " + view.Count(e.report.Objects, "object")
}
