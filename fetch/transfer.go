package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inith/inith/fetch/internal/store"
)

// A Transfer is one file on its way. It is made by [Fetcher.Open].
type Transfer struct {
	file    File
	fetcher *Fetcher
	sources []Source
	log     *slog.Logger

	dest   *store.Destination // nil: the standard output
	want   Digest             // that the bytes must have; zero: none is known
	level  Evidence           // that want is
	looked store.Identity     // of what is at the destination, and is not what is wanted
	host   *host              // of the source in use

	streams atomic.Int64 // connections held
	phase   atomic.Int64
	size    atomic.Int64
	present atomic.Int64 // bytes of earlier runs
	fetched atomic.Int64
	retries atomic.Int64
	last    atomic.Int64 // when the last byte came, in Unix nanoseconds

	mu       sync.Mutex // of what follows
	err      error      // the last that led to a retry
	forgiven int        // refusals since the last byte
	ranges   *ranges    // of the download under way
}

// A NoProgressError tells that no byte came for so long.
type NoProgressError struct {
	After time.Duration
	Err   error // the last cause; nil: none is known
}

func (e *NoProgressError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("no byte came for %v", e.After)
	}
	return fmt.Sprintf("%v, and no byte came for %v", e.Err, e.After)
}

func (e *NoProgressError) Unwrap() error { return e.Err }

// A SourceError tells why a source did not give the file.
type SourceError struct {
	Source string // as it may be shown
	Path   string // the destination, if it is what makes trouble
	Err    error
}

func (e *SourceError) Error() string {
	to := ""
	if e.Path != "" {
		to = " to " + e.Path
	}
	return "fetch " + e.Source + to + ": " + e.Err.Error()
}
func (e *SourceError) Unwrap() error { return e.Err }

// Name returns the source of the transfer as it may be shown.
func (t *Transfer) Name() string { return t.sources[0].Name() }

// Path returns the destination, "" for the standard output.
func (t *Transfer) Path() string {
	if t.dest == nil {
		return ""
	}
	return t.dest.Path
}

// Status returns how the transfer is going.
func (t *Transfer) Status() Status {
	s := Status{
		Phase: Phase(t.phase.Load()), Name: t.Name(), Size: t.size.Load(),
		Fetched: t.fetched.Load(), Retries: int(t.retries.Load()),
	}
	s.Done = t.present.Load() + s.Fetched
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Err = t.err
	if t.ranges != nil {
		s.Done, _ = t.ranges.done()
		s.Connections = t.ranges.busy()
	}
	return s
}

// Run fetches the file. When it returns nil, the file is at its destination, with
// the content that the evidence speaks for.
//
// Errors: [DigestError] and [EvidenceError] where the content is not
// the one asked for; a [SourceError] for all that servers, networks and file
// systems refuse; the cause of ctx. What was got stays for the next run, except
// after a digest that did not match.
func (t *Transfer) Run(ctx context.Context) (Result, error) {
	start := time.Now()
	result, err := t.run(ctx)
	result.Elapsed = time.Since(start)
	result.Fetched, result.Retries = t.fetched.Load(), int(t.retries.Load())
	if err == nil {
		t.enter(Done)
	}
	return result, err
}

func (t *Transfer) enter(p Phase) {
	if Phase(t.phase.Swap(int64(p))) != p {
		t.log.Debug("phase", "source", t.Name(), "phase", p.String())
	}
}

// run tries the sources in their order. The errors of all are reported.
func (t *Transfer) run(ctx context.Context) (Result, error) {
	if t.dest == nil {
		return t.runStream(ctx)
	}
	defer t.dest.Close()
	var unlock func()
	defer func() {
		if unlock != nil {
			unlock()
		}
	}()
	var errs []error
	for _, s := range t.sources {
		result, done, err := t.look(ctx, s)
		if err == nil && !done && unlock == nil {
			if unlock, err = t.lock(ctx); err == nil { // whoever had it has fetched the same, most likely
				result, done, err = t.upToDate(ctx)
			}
		}
		if err == nil && !done {
			result, err = t.fromSource(ctx, s)
		}
		if err == nil {
			return result, nil
		}
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		if store.IsError(err) {
			return Result{}, &SourceError{s.Name(), t.dest.Path, &LocalError{err}}
		}
		errs = append(errs, named(s, err))
		if len(errs) < len(t.sources) {
			t.log.WarnContext(ctx, "trying the next mirror", "source", s.Name(), "err", err)
		}
	}
	return Result{}, errors.Join(errs...)
}

func (t *Transfer) lock(ctx context.Context) (unlock func(), err error) {
	return t.dest.Lock(ctx, t.log, func() { t.enter(Locked) })
}

// look finds the digest that the file must have, and reports whether it is at the
// destination. That needs no lock, and no permission to write.
func (t *Transfer) look(ctx context.Context, s Source) (Result, bool, error) {
	t.host = t.fetcher.host(s.Host())
	if err := t.wanted(ctx, s); err != nil {
		return Result{}, false, err
	}
	t.dest.Look()
	return t.upToDate(ctx)
}

// named adds the source to an error, if it does not name it itself.
func named(s Source, err error) error {
	for _, named := range []any{new(*DigestError), new(*EvidenceError), new(*SourceError)} {
		if errors.As(err, named) {
			return err
		}
	}
	return &SourceError{Source: s.Name(), Err: err}
}

// fromSource fetches the file from one source, again from the start where what
// was got proves useless.
func (t *Transfer) fromSource(ctx context.Context, s Source) (Result, error) {
	a := &attempt{Transfer: t, source: s}
	for {
		result, err := a.run(ctx)
		if err == nil || !a.again(ctx, err) {
			return result, err
		}
	}
}

// wanted finds the digest that the file must have.
func (t *Transfer) wanted(ctx context.Context, s Source) error {
	switch {
	case t.file.Digest != (Digest{}):
		t.want, t.level = t.file.Digest, EvidencePinned
	case t.file.SumsURL != nil && t.want == (Digest{}):
		sums := newWeb(t.fetcher, &t.file, t.file.SumsURL, t.note)
		list, err := t.small(ctx, sums)
		if err != nil {
			return named(sums, err)
		}
		if t.want, err = parseSums(list, path.Base(t.file.URL.Path), isBlake3List(t.file.SumsURL.Path)); err != nil {
			return &SourceError{Source: sums.Name(), Err: err}
		}
		t.level = EvidenceSums
		t.host = t.fetcher.host(s.Host())
	}
	return nil
}
