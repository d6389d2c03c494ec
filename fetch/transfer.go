package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/inith/inith/fetch/archive"
	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/redact"
)

// A Transfer is one file on its way. It is made by [Fetcher.Open].
type Transfer struct {
	file     File
	fetcher  *Fetcher
	urls     []*url.URL // of the file and its mirrors
	log      *slog.Logger
	dest     *store.Destination // nil: the standard output
	progress *engine.Progress
	phase    atomic.Int64

	primary source.Source  // of the file's URL; nil: not resolved yet
	want    Digest         // that the bytes must have; zero: none is known
	level   Evidence       // that want is
	got     Evidence       // that the content was checked against
	looked  store.Identity // of what is at the destination, and is not what is wanted
}

// Name returns the source of the transfer as it may be shown.
func (t *Transfer) Name() string { return nameOf(t.file.URL) }

// nameOf returns a URL as it may be shown.
func nameOf(u *url.URL) string {
	plain := *u
	plain.User, plain.Fragment, plain.RawFragment = nil, "", ""
	return redact.URL(&plain)
}

// Path returns the destination, "" for the standard output.
func (t *Transfer) Path() string {
	if t.dest == nil {
		return ""
	}
	return t.dest.Path
}

// Status returns how the transfer is going.
func (t *Transfer) Status() Status {
	s := t.progress.Snapshot()
	return Status{
		Phase: Phase(t.phase.Load()), Name: t.Name(), Size: s.Size, Done: s.Done, Fetched: s.Fetched,
		Connections: s.Connections, Retries: s.Retries, Err: s.Err,
	}
}

// Run fetches the file. When it returns nil, the file is at its destination, with the
// content that the evidence speaks for.
//
// Errors: [DigestError] and [EvidenceError] where the content is not the one asked for; a
// [SourceError] for all that servers, networks and file systems refuse; the cause of ctx.
// What was fetched stays for the next run, except after a digest that did not match.
func (t *Transfer) Run(ctx context.Context) (Result, error) {
	start := time.Now()
	result, err := t.run(ctx)
	now := t.progress.Snapshot()
	result.Elapsed, result.Fetched, result.Retries = time.Since(start), now.Fetched, now.Retries
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

func (t *Transfer) run(ctx context.Context) (Result, error) {
	if t.dest == nil {
		return t.stream(ctx)
	}
	defer t.dest.Close()
	var unlock func() // nil: not locked yet
	defer func() {
		if unlock != nil {
			unlock()
		}
	}()
	return t.fromSources(ctx, func() (err error) {
		if unlock == nil {
			unlock, err = t.dest.Lock(ctx, t.log, func() { t.enter(Locked) })
		}
		return err
	})
}

// fromSources tries the sources in their order. The errors of all are reported.
func (t *Transfer) fromSources(ctx context.Context, lock func() error) (Result, error) {
	var errs []error
	for i, u := range t.urls {
		s, err := t.resolve(ctx, u)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i == 0 {
			t.primary = s
		}
		result, err := t.fromSource(ctx, s, lock)
		switch {
		case err == nil:
			return result, nil
		case ctx.Err() != nil:
			return Result{}, context.Cause(ctx)
		case store.IsError(err):
			return Result{}, &SourceError{s.Name(), t.dest.Path, &LocalError{err}}
		}
		errs = append(errs, named(s, err))
		if i < len(t.urls)-1 {
			t.log.WarnContext(ctx, "trying the next mirror", "source", s.Name(), "err", err)
		}
	}
	return Result{}, errors.Join(errs...)
}

// resolve returns the source of a URL.
func (t *Transfer) resolve(ctx context.Context, u *url.URL) (source.Source, error) {
	resolver, err := t.fetcher.rooms().network.Resolver(u, t.credentials(), t.progress.Note)
	if err != nil {
		return nil, &SourceError{Source: nameOf(u), Err: err}
	}
	objects, err := resolver.Resolve(ctx, u)
	if err == nil && len(objects) != 1 {
		err = fmt.Errorf("the URL means %d files: name one of them", len(objects))
	}
	if err != nil {
		return nil, &SourceError{Source: nameOf(u), Err: err}
	}
	return objects[0].Source, nil
}

func (t *Transfer) credentials() source.Credentials {
	return source.Credentials{
		URL: t.file.URL, HeaderFiles: t.file.HeaderFiles, BearerFile: t.file.BearerFile, PasswordFile: t.file.PasswordFile,
	}
}

// fromSource looks at the destination before it takes the lock: that needs no permission
// to write. Whoever had the lock meanwhile has fetched the same, most likely.
func (t *Transfer) fromSource(ctx context.Context, s source.Source, lock func() error) (Result, error) {
	if err := t.findDigest(ctx); err != nil {
		return Result{}, err
	}
	t.dest.Look()
	if result, ok, err := t.upToDate(ctx); ok || err != nil {
		return result, err
	}
	if err := lock(); err != nil {
		return Result{}, err
	}
	if result, ok, err := t.upToDate(ctx); ok || err != nil {
		return result, err
	}
	t.warnUnsafe(ctx)
	return t.fetch(ctx, s)
}

// warnUnsafe reports once that others can write to the state.
func (t *Transfer) warnUnsafe(ctx context.Context) {
	if !t.dest.Safe() && !t.fetcher.unsafe.Swap(true) {
		t.log.WarnContext(ctx, "others can write to .inith, or the volume does not report who can: all bytes are hashed again", "path", t.dest.Path)
	}
}

func (t *Transfer) fetch(ctx context.Context, s source.Source) (Result, error) {
	var skipped Result
	job := t.job(s)
	job.Dest = t.dest
	if t.file.Extract {
		job.Admit, job.Head = t.extractable, archive.HeadSize
	}
	if t.mayBeUnchanged() {
		job.UpToDate = func(ctx context.Context, now source.Info) (ok bool) {
			skipped, ok = t.unchanged(ctx, s, now)
			return ok
		}
	}
	v, err := job.Run(ctx)
	if err != nil {
		return Result{}, t.explained(s, err)
	}
	if v == nil {
		return skipped, nil
	}
	return t.publish(ctx, s, v)
}

// job returns what all uses of a source have in common.
func (t *Transfer) job(s source.Source) *engine.Job {
	return &engine.Job{
		Engine: t.fetcher.rooms().engine, Source: s, Primary: cmp.Or(t.primary, s), Progress: t.progress, Log: t.log, Want: t.want, MaxSize: t.fetcher.MaxSize,
		Judge:    func(server []Digest) (engine.Check, error) { return t.judge(s, server) },
		Fetching: func() { t.enter(Fetching) }, Verifying: func() { t.enter(Verifying) },
	}
}

// explained gives an error of the engine the words of this package.
func (t *Transfer) explained(s source.Source, err error) error {
	if m, ok := errors.AsType[*engine.MismatchError](err); ok {
		level := EvidenceServer
		if t.want != (Digest{}) {
			level = t.level
		}
		return &DigestError{Source: s.Name(), Want: m.Want, Got: m.Got, Evidence: level, Looks: m.Looks, Earlier: m.Earlier}
	}
	if e, ok := errors.AsType[*engine.StallError](err); ok {
		return &StallError{After: e.After, Err: e.Err}
	}
	return err
}

// stream writes the bytes to the standard output.
func (t *Transfer) stream(ctx context.Context) (Result, error) {
	s, err := t.resolve(ctx, t.file.URL)
	if err != nil {
		return Result{}, err
	}
	if err := t.findDigest(ctx); err != nil {
		return Result{}, err
	}
	streamed, err := engine.Stream(ctx, t.job(s), t.fetcher.Stdout)
	switch {
	case err != nil && ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case store.IsError(err):
		return Result{}, named(s, &LocalError{err})
	case err != nil:
		return Result{}, named(s, t.explained(s, err))
	}
	return Result{Source: s.Name(), Size: streamed.Size, Digest: streamed.Digest, Evidence: t.got}, nil
}
