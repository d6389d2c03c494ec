package validate

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/diag"
)

// A Validator checks files and environment variables against rules. The zero value finds nothing.
type Validator struct {
	Rules Rules

	// Lookup returns an environment variable. If it is nil, none is set.
	Lookup func(name string) (value string, ok bool)

	mu      sync.Mutex
	awaited map[string]bool // paths
}

// A Report is the result of a [Validator].
type Report struct {
	Findings []Finding // sorted by path, line, column and rule
	Files    int       // number of files checked
	Checks   int       // number of checks
}

// A Finding is a problem and the lines of its file, in which every value is masked.
type Finding struct {
	Problem
	Excerpt []string // nil if there is nothing to show
}

// parallel is the number of files that are read at once.
const parallel = 4

// Run runs all checks and reports all problems. Its error is the cause of ctx if that is done first, or the reason
// why a check could not run. The report then has what was found so far.
func (v *Validator) Run(ctx context.Context) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &session{lookup: v.Lookup, fail: cancel, ignore: v.Rules.Ignore, ignored: map[string][]string{}}
	if s.lookup == nil {
		s.lookup = func(string) (string, bool) { return "", false }
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	start := func(wait func(), work func()) {
		wg.Go(func() {
			var crashed error
			defer func() {
				if crashed != nil {
					cancel(crashed)
				}
			}()
			defer crash.Recover(&crashed)
			wait()
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() == nil {
				work()
			}
		})
	}
	for _, rule := range v.Rules.Files {
		start(func() { v.await(ctx, rule) }, func() { s.files(ctx, rule) })
	}
	for _, rule := range v.Rules.TLS {
		start(func() { v.await(ctx, rule.files()...) }, func() { s.tls(ctx, rule) })
	}
	for _, rule := range v.Rules.Env {
		start(func() {}, func() { s.env(ctx, rule) })
	}
	wg.Wait()
	return s.report(), context.Cause(ctx)
}

// await waits for files that may be created late.
func (v *Validator) await(ctx context.Context, files ...FileRule) {
	set := func(path string, awaited bool) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.awaited == nil {
			v.awaited = map[string]bool{}
		}
		if v.awaited[path] = true; !awaited {
			delete(v.awaited, path)
		}
	}
	for _, f := range files {
		set(f.Path, true)
		f.await(ctx)
		set(f.Path, false)
	}
}

// Awaited returns the files that [Validator.Run] is waiting for, because they are missing or empty. It may be called
// while Run runs.
func (v *Validator) Awaited() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.awaited))
}

// A session collects the findings of a run.
type session struct {
	lookup func(name string) (string, bool)
	fail   func(error) // ends the session
	ignore []string    // rules

	mu       sync.Mutex
	findings []finding
	looked   map[string]bool // the paths of checked files
	checks   int
	ignored  map[string][]string // rules, by the path of a file
}

// ignoreIn ignores the problems of rules in a file.
func (s *session) ignoreIn(path string, rules []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ignored[path] = append(s.ignored[path], rules...)
}

// checked counts the checks of a file.
func (s *session) checked(path string, checks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked == nil {
		s.looked = map[string]bool{}
	}
	if path != "" {
		s.looked[path] = true
	}
	s.checks += checks
}

// A finding is a problem and its excerpt.
type finding struct {
	*diag.Error

	excerpt []string
}

// add adds problems without an excerpt.
func (s *session) add(problems ...*diag.Error) { s.addShown(nil, problems) }

// addShown adds problems whose excerpts show returns. If show is nil, they have none.
func (s *session) addShown(show func(at diag.Position) []string, problems []*diag.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range problems {
		f := finding{Error: p}
		if show != nil && p.Line > 0 {
			f.excerpt = show(p.Position)
		}
		s.findings = append(s.findings, f)
	}
}

func (s *session) report() Report {
	s.findings = slices.DeleteFunc(s.findings, func(f finding) bool {
		return slices.Contains(s.ignore, f.Code) || slices.Contains(s.ignored[f.File], f.Code)
	})
	slices.SortStableFunc(s.findings, func(a, b finding) int { return a.Compare(b.Error) })
	s.findings = slices.CompactFunc(s.findings, func(a, b finding) bool { return a.Compare(b.Error) == 0 })
	r := Report{Files: len(s.looked), Checks: s.checks}
	for _, f := range s.findings {
		r.Findings = append(r.Findings, Finding{Problem: problemOf(f.Error), Excerpt: f.excerpt})
	}
	return r
}
