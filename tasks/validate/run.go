package validate

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/diag"
)

// A Validator holds rules against what is there. The zero value finds nothing.
type Validator struct {
	Rules Rules

	// Lookup returns a variable of the environment that Rules.Env is about; nil is an
	// empty one.
	Lookup func(name string) (value string, ok bool)

	mu      sync.Mutex
	awaited map[string]bool // paths
}

// A Report is what a [Validator] has found.
type Report struct {
	Findings []Finding // sorted by path, line, column and rule
	Files    int       // that were looked at
	Checks   int       // that were made
}

// A Finding is a problem and the lines of its file, in which every value is masked.
type Finding struct {
	Problem
	Excerpt []string // nil if there is nothing to show
}

// parallel is how many files are read at once.
const parallel = 4

// Run makes all checks and reports all problems. Its error is the cause of ctx when
// that is done before the checks are, or why a check could not look; the report has
// what was found until then.
func (v *Validator) Run(ctx context.Context) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &session{lookup: v.Lookup, fail: cancel}
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

// await waits for files that may come late.
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

// Awaited returns the files that [Validator.Run] is waiting for: they are not
// there yet, or empty. It may be called meanwhile.
func (v *Validator) Awaited() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.awaited))
}

// A session collects what is found.
type session struct {
	lookup func(name string) (string, bool)
	fail   func(error) // ends the session

	mu       sync.Mutex
	findings []finding
	looked   map[string]bool // at paths
	checks   int
}

// checked counts checks of a file.
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

// A finding is what a session adds.
type finding struct {
	*diag.Error

	excerpt []string
}

// add adds problems that have no lines to show.
func (s *session) add(problems ...*diag.Error) { s.addShown(nil, problems) }

// addShown adds problems of a file whose lines show makes; nil is for none.
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
	slices.SortStableFunc(s.findings, func(a, b finding) int { return a.Compare(b.Error) })
	s.findings = slices.CompactFunc(s.findings, func(a, b finding) bool { return a.Compare(b.Error) == 0 })
	r := Report{Files: len(s.looked), Checks: s.checks}
	for _, f := range s.findings {
		r.Findings = append(r.Findings, Finding{Problem: problemOf(f.Error), Excerpt: f.excerpt})
	}
	return r
}
