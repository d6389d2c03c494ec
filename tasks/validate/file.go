package validate

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/excerpt"
	"github.com/inith/inith/internal/retry"
)

// A FileRule describes a file. Every file must exist, be regular, and be readable by this process.
type FileRule struct {
	Path      string
	Directory bool   // Path may be a directory, whose files are checked
	Format    Format // "" for the format that the name implies

	// Content is checked in place of the file at Path, whose mode and readers are then unknown. If it is nil, the
	// file is read.
	Content []byte

	AppearWithin     time.Duration // how long the file may be missing or empty
	AllowEmpty       bool
	MinSize, MaxSize int64       // in bytes; zero is no limit
	ModeMax          fs.FileMode // the maximum permission bits; zero allows all
	ReadableBy       *Identity   // who must be able to read it; nil: only inith
	SHA256           string      // in lower-case hexadecimal; "" allows any
	YAML11           bool        // a YAML 1.1 parser must read it in the same way
	Templates        bool        // it contains templates intentionally
	Ignore           []string    // names of rules whose problems are not reported
	Secret           *SecretRule // it contains one secret; nil if not
	Checks           []Check     // of its content
}

// await waits until the file exists and has content, or AppearWithin has passed.
func (r *FileRule) await(ctx context.Context) {
	if r.AppearWithin == 0 || r.Content != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.AppearWithin)
	defer cancel()
	pauses := retry.NewProportional(0.04, 10*time.Millisecond, time.Second, 0.2)
	for !r.there() {
		if retry.Sleep(ctx, pauses.NextBackOff()) != nil {
			return
		}
	}
}

// there reports whether the path has content.
func (r *FileRule) there() bool {
	info, err := os.Stat(r.Path)
	if err != nil {
		return false
	}
	if info.IsDir() {
		return !r.Directory || hasFiles(r.Path)
	}
	return !info.Mode().IsRegular() || info.Size() > 0 || r.AllowEmpty
}

// files checks a file, or each file in a directory.
func (s *session) files(ctx context.Context, r FileRule) {
	info, err := os.Stat(r.Path)
	if r.Content != nil || err != nil || !info.IsDir() || !r.Directory {
		s.file(ctx, r)
		return
	}
	names := filesIn(r.Path)
	if len(names) == 0 {
		s.checked(r.Path, 1)
		s.add(inFile(r.Path, ruleEmpty, "the directory has no files", "check that the volume is mounted there and has keys"))
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		one := r
		one.Path, one.Directory = name, false
		s.file(ctx, one)
	}
}

const (
	maxFiles       = 10_000 // of a directory
	maxDirectories = 8      // nesting
)

// filesIn returns the files in a directory and its subdirectories. It omits names that begin with "..": in a mounted
// ConfigMap or Secret they are the versions of the volume, to which the files are links.
func filesIn(dir string) []string {
	var all []string
	var walk func(dir string, depth int)
	walk = func(dir string, depth int) {
		entries, err := os.ReadDir(dir)
		if err != nil && depth > 0 {
			all = append(all, dir) // checked as a file, it reports what is wrong
		}
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			info, err := os.Stat(name)
			switch {
			case strings.HasPrefix(e.Name(), "..") || len(all) >= maxFiles:
			case err == nil && info.IsDir() && depth < maxDirectories:
				walk(name, depth+1)
			default:
				all = append(all, name)
			}
		}
	}
	walk(dir, 0)
	return all
}

func hasFiles(dir string) bool { return len(filesIn(dir)) > 0 }

// file checks a file.
func (s *session) file(ctx context.Context, r FileRule) {
	r.Ignore = slices.Concat(r.Ignore, s.ignore)
	s.ignoreIn(r.Path, r.Ignore)
	data, ok := s.open(ctx, r)
	if !ok {
		return
	}
	if r.Secret != nil {
		s.checked(r.Path, 1)
		s.add(r.Secret.check(r.Path, data)...)
	}
	format := r.format()
	if slices.ContainsFunc(r.Checks, needsKeys) && (format == "" || format == document.PEM || format == document.Text) {
		s.add(inFile(r.Path, ruleNoKeys, "its keys cannot be checked, because its format is unknown or has none",
			"set format in the rules, or --input-format"))
	}
	switch {
	case format == "" && r.Secret == nil && r.SHA256 == "":
		s.passOver(r.Path)
	case format == document.PEM && r.Secret == nil:
		s.checked(r.Path, 1)
		s.add(checkPEM(r.Path, data)...)
	case format != "" && format != document.PEM:
		s.content(ctx, r, format, data)
	}
}

// needsKeys reports whether a check is about the keys of a file.
func needsKeys(c Check) bool {
	switch c.(type) {
	case Require, Forbid, OneOf, Types, Schema, Assert:
		return true
	default:
		return false
	}
}

// format returns the format of the file, or "" if its content is not checked because its extension is unknown.
func (r *FileRule) format() document.Format {
	format := cmp.Or(document.Format(r.Format), document.FormatOf(r.Path))
	if r.Format == "" && format == document.Text {
		return ""
	}
	return format
}

// content parses a file and runs the checks of its content.
func (s *session) content(ctx context.Context, r FileRule, format document.Format, data []byte) {
	documents, found := document.Parse(format, data, document.Options{
		YAML11: r.YAML11, Templates: r.Templates || slices.Contains(r.Ignore, "unrendered-template"),
	})
	s.checked(r.Path, 1+len(r.Checks))
	var problems []*diag.Error
	for _, f := range found {
		f.File = r.Path
		problems = append(problems, f)
	}
	problems = append(problems, s.ownSchema(ctx, r, format, data, documents)...)
	problems = append(problems, noConfiguration(r.Path, format, documents)...)
	if documents != nil || len(found) == 0 { // otherwise the content is unknown
		for _, c := range r.Checks {
			more, err := c.Check(ctx, Input{Path: r.Path, Data: data, documents: documents})
			if err != nil {
				s.fail(err)
				return
			}
			for _, p := range more {
				problems = append(problems, p.diagnostic())
			}
		}
	}
	problems = slices.DeleteFunc(problems, func(p *diag.Error) bool { return slices.Contains(r.Ignore, p.Code) })
	problems = fewer(r.Path, problems)
	var show func(p diag.Position) []string
	if r.Secret == nil && format != document.Text {
		lines := sync.OnceValue(func() *excerpt.File { return excerpt.New(format, data, documents, excerpt.Filter{}) })
		show = func(p diag.Position) []string { return lines().Around(p.Line, p.Column) }
	}
	s.addShown(show, problems)
}

// maxProblems is the maximum number of problems reported for a file.
const maxProblems = 500

// fewer drops the problems beyond the maximum.
func fewer(path string, problems []*diag.Error) []*diag.Error {
	if len(problems) <= maxProblems {
		return problems
	}
	return append(problems[:maxProblems:maxProblems], inFile(path, ruleTooMany,
		fmt.Sprintf("it has more than %d problems; the others are not reported", maxProblems), "check that its format matches its name"))
}
