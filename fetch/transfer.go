package fetch

import (
	"cmp"
	"context"
	"errors"
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

// A Transfer is one file on its way, or all files of a directory. It is made by [Fetcher.Open].
type Transfer struct {
	file     File
	fetcher  *Fetcher
	urls     []*url.URL // of the file and its mirrors
	log      *slog.Logger
	dest     *store.Destination // nil: the standard output
	progress *engine.Progress
	phase    atomic.Int64

	primary   source.Source  // of the file's URL; nil: not resolved yet
	addressed bool           // the digests of the source that is asked now are the address of the file
	want      Digest         // that the bytes must have; zero: none is known
	level     Evidence       // that want is
	got       Evidence       // that the content was checked against
	looked    store.Identity // of what is at the destination, and is not what is wanted

	claim func(directory string) error // reports that the destination cannot be a directory, for others; nil: there are none
	crowd atomic.Pointer[crowd]        // of the files of a directory; nil: it is one file
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
	s := t.snapshot()
	return Status{
		Phase: Phase(t.phase.Load()), Name: t.Name(), Size: s.Size, Done: s.Done, Fetched: s.Fetched,
		Connections: s.Connections, Retries: s.Retries, Err: s.Err,
	}
}

func (t *Transfer) snapshot() engine.Snapshot {
	if c := t.crowd.Load(); c != nil {
		return c.snapshot()
	}
	return t.progress.Snapshot()
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
	now := t.snapshot()
	result.Elapsed, result.Fetched, result.Cached, result.Retries = time.Since(start), now.Fetched, now.Cached, now.Retries
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

// run fetches what the URL means. Some sources find out that it is a directory when they are asked for the file: then
// all begins again, at the destination of a directory.
func (t *Transfer) run(ctx context.Context) (Result, error) {
	if t.dest == nil {
		return t.stream(ctx)
	}
	result, err := t.toDestination(ctx)
	if errors.Is(err, source.ErrDirectory) && len(t.urls) == 1 {
		t.urls = []*url.URL{withSlash(t.file.URL)}
		t.dest = t.fetcher.rooms().store.Destination(t.dest.Path)
		return t.toDestination(ctx)
	}
	return result, err
}

// withSlash returns a URL whose path ends in a slash. Nothing in the path is cleaned: keys of stores may have anything in them.
func withSlash(u *url.URL) *url.URL {
	with := *u
	if with.Path += "/"; with.RawPath != "" {
		with.RawPath += "/"
	}
	return &with
}

func (t *Transfer) toDestination(ctx context.Context) (Result, error) {
	defer func() { t.dest.Close() }()
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
		result, err := t.fromURL(ctx, u, lock)
		switch {
		case err == nil:
			return result, nil
		case ctx.Err() != nil:
			return Result{}, context.Cause(ctx)
		case store.IsError(err):
			return Result{}, &SourceError{nameOf(u), t.dest.Path, &LocalError{err}}
		}
		errs = append(errs, named(nameOf(u), err))
		if i < len(t.urls)-1 {
			t.log.WarnContext(ctx, "trying the next mirror", "source", nameOf(u), "err", err)
		}
	}
	return Result{}, errors.Join(errs...)
}

// fromURL looks at the destination before it asks what the URL means, where that can show that
// the file is up to date.
func (t *Transfer) fromURL(ctx context.Context, u *url.URL, lock func() error) (Result, error) {
	if err := t.findDigest(ctx); err != nil {
		return Result{}, err
	}
	t.dest.Look()
	if result, ok, err := t.upToDate(ctx); ok || err != nil {
		return result, err
	}
	l, err := t.locate(u)
	if err != nil {
		return Result{}, err
	}
	if result, ok, err := t.unchangedDirectory(ctx, l); ok || err != nil {
		return result, err
	}
	found, err := t.resolve(ctx, l)
	switch {
	case err != nil:
		return Result{}, err
	case found.file == nil:
		return t.fromDirectory(ctx, l, found, lock)
	case u == t.file.URL:
		t.primary = found.file
	}
	t.addressed = found.addressed
	if err := notForFiles(t.file); err != nil && found.unsure {
		return Result{}, source.ErrDirectory
	} else if err != nil {
		return Result{}, err
	}
	return t.fromSource(ctx, found.file, lock)
}

// fromSource takes the lock, which needs permission to write. Another process
// that had it meanwhile has fetched the same, most likely.
func (t *Transfer) fromSource(ctx context.Context, s source.Source, lock func() error) (Result, error) {
	if err := lock(); err != nil {
		return Result{}, err
	}
	if result, ok, err := t.upToDate(ctx); ok || err != nil {
		return result, err
	}
	t.warnUnsafe(ctx)
	return t.fetch(ctx, s)
}

func (t *Transfer) credentials() source.Credentials {
	return source.Credentials{
		URL: t.file.URL, Headers: t.file.Headers, HeaderFiles: t.file.HeaderFiles, BearerFile: t.file.BearerFile, PasswordFile: t.file.PasswordFile,
	}
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
	v, end, err := t.perform(ctx, job, cacheUse{link: t.file.Mode == 0, verify: t.file.Verify, report: t.enter})
	defer end()
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
		level := t.ofDigests([]Digest{m.Want}, t.addressed)
		if t.want != (Digest{}) {
			level = t.level
		}
		return &DigestError{Source: s.Name(), Want: m.Want, Got: m.Got, Evidence: level, Looks: m.Looks, Earlier: m.Earlier}
	}
	if m, ok := errors.AsType[*source.MismatchError](err); ok {
		return &DigestError{Source: s.Name(), Want: m.Want, Got: m.Got, Evidence: EvidenceContent}
	}
	if e, ok := errors.AsType[*engine.StallError](err); ok {
		return &StallError{After: e.After, Err: e.Err}
	}
	return err
}

// stream writes the bytes to the standard output.
func (t *Transfer) stream(ctx context.Context) (Result, error) {
	f, err := t.resolveFile(ctx, t.file.URL)
	if err != nil {
		return Result{}, err
	}
	if err := t.findDigest(ctx); err != nil {
		return Result{}, err
	}
	s := f.file
	t.addressed = f.addressed
	streamed, err := engine.Stream(ctx, t.job(s), t.fetcher.Stdout)
	switch {
	case err != nil && ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case store.IsError(err):
		return Result{}, named(s.Name(), &LocalError{err})
	case err != nil:
		return Result{}, named(s.Name(), t.explained(s, err))
	}
	return Result{Source: s.Name(), Size: streamed.Size, Digest: streamed.Digest, Evidence: t.got}, nil
}
