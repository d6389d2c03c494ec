package validate

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/retry"
)

// A FileRule says what a file has to be. All files have to be there, regular, and
// readable by this process.
type FileRule struct {
	Path   string
	Folder bool   // Path may be a folder: then each file in it is looked at
	Format Format // "" for what the name tells

	// Content is what Path is going to hold: it is looked at in place of the file,
	// whose mode and readers are not known then. Nil looks at the file.
	Content []byte

	AppearWithin     time.Duration // how long the file may be missing or empty
	AllowEmpty       bool
	MinSize, MaxSize int64       // in bytes; zero is no bound
	ModeMax          fs.FileMode // the widest permission bits; zero is for any
	As               *Identity   // who has to be able to read it; nil is nobody else
	SHA256           string      // in lower-case hexadecimal; "" is for any
	YAML11           bool        // a parser of YAML 1.1 has to read the same
	Templates        bool        // templates in it are meant to be there
	Secret           *SecretRule // it holds one secret; nil if not
	Checks           []Check     // of what is in it
}

// await waits until the file is there and has content, or the time for that is
// over.
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

// there reports whether the path has what is looked for.
func (r *FileRule) there() bool {
	info, err := os.Stat(r.Path)
	if err != nil {
		return false
	}
	if info.IsDir() {
		return !r.Folder || hasFiles(r.Path)
	}
	return !info.Mode().IsRegular() || info.Size() > 0 || r.AllowEmpty
}

// files looks at a file, or at each in a folder.
func (s *session) files(ctx context.Context, r FileRule) {
	info, err := os.Stat(r.Path)
	if r.Content != nil || err != nil || !info.IsDir() || !r.Folder {
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
		one.Path, one.Folder = name, false
		s.file(ctx, one)
	}
}

const (
	maxFiles   = 10_000 // of a folder
	maxFolders = 8      // in each other
)

// filesIn returns the files in a folder and the folders in it. Names that begin
// with ".." are left out: in a mounted ConfigMap or Secret they are the versions
// of the volume, to which its files are links.
func filesIn(folder string) []string {
	var all []string
	var walk func(folder string, depth int)
	walk = func(folder string, depth int) {
		entries, err := os.ReadDir(folder)
		if err != nil && depth > 0 {
			all = append(all, folder) // as a file, it tells what is wrong
		}
		for _, e := range entries {
			name := filepath.Join(folder, e.Name())
			info, err := os.Stat(name)
			switch {
			case strings.HasPrefix(e.Name(), "..") || len(all) >= maxFiles:
			case err == nil && info.IsDir() && depth < maxFolders:
				walk(name, depth+1)
			default:
				all = append(all, name)
			}
		}
	}
	walk(folder, 0)
	return all
}

func hasFiles(folder string) bool { return len(filesIn(folder)) > 0 }

// file looks at a file.
func (s *session) file(ctx context.Context, r FileRule) {
	data, ok := s.open(ctx, r)
	if !ok {
		return
	}
	if r.Secret != nil {
		s.checked(r.Path, 1)
		s.add(r.Secret.check(r.Path, data)...)
	}
	format := r.format()
	if format == document.PEM && r.Secret == nil {
		s.checked(r.Path, 1)
		s.add(checkPEM(r.Path, data)...)
	}
	if format != "" && format != document.PEM {
		s.content(ctx, r, format, data)
	}
}

// format returns what to read the file as, "" if it is not read: nothing is known
// of what a file without a known extension holds.
func (r *FileRule) format() document.Format {
	format := cmp.Or(document.Format(r.Format), document.FormatOf(r.Path))
	if r.Format == "" && format == document.Text {
		return ""
	}
	return format
}

// content parses a file, and makes the checks of what is in it.
func (s *session) content(ctx context.Context, r FileRule, format document.Format, data []byte) {
	documents, found := document.Parse(format, data, document.Options{YAML11: r.YAML11, Templates: r.Templates})
	s.checked(r.Path, 1+len(r.Checks))
	var problems []*diag.Error
	for _, f := range found {
		f.File = r.Path
		problems = append(problems, f)
	}
	if documents != nil || len(found) == 0 { // else nothing can be said of what is in it
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
	problems = fewer(r.Path, problems)
	var show func(p diag.Position) []string
	if r.Secret == nil && format != document.Text {
		lines := sync.OnceValue(func() *excerpts { return newExcerpts(format, data, documents) })
		show = func(p diag.Position) []string { return lines().around(p.Line, p.Column) }
	}
	s.addShown(show, problems)
}

// maxProblems is how many problems of one file are told.
const maxProblems = 500

// fewer leaves out the last of too many problems.
func fewer(path string, problems []*diag.Error) []*diag.Error {
	if len(problems) <= maxProblems {
		return problems
	}
	return append(problems[:maxProblems:maxProblems], inFile(path, ruleTooMany,
		fmt.Sprintf("it has more than %d problems; the others are not reported", maxProblems), "check that its format matches its name"))
}
