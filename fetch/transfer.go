package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Transfer is one file on its way. It is made by [Fetcher.Open].
type Transfer struct {
	file    File
	fetcher *Fetcher
	sources []Source
	log     *slog.Logger

	place  place
	locked bool     // no other process fetches to the place
	want   Digest   // that the bytes must have; zero: none is known
	level  Evidence // that want is
	host   *host    // of the source in use

	reserved int64 // bytes of what all transfers may write

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
func (t *Transfer) Path() string { return t.place.dest }

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

// run tries the sources in their order. The errors of all are told.
func (t *Transfer) run(ctx context.Context) (Result, error) {
	if t.file.Dest == "-" {
		return t.runStream(ctx)
	}
	unlock, err := t.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	var errs []error
	for _, s := range t.sources {
		result, err := t.fromSource(ctx, s)
		if err == nil {
			return result, nil
		}
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		if isLocal(err) {
			return Result{}, &SourceError{s.Name(), t.place.dest, err}
		}
		errs = append(errs, named(s, err))
		if len(errs) < len(t.sources) {
			t.log.WarnContext(ctx, "trying the next mirror", "source", s.Name(), "err", err)
		}
	}
	return Result{}, errors.Join(errs...)
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
	t.host = t.fetcher.host(s.Host())
	t.last.Store(time.Now().UnixNano())
	if err := t.wanted(ctx, s); err != nil {
		return Result{}, err
	}
	if result, ok, err := t.there(ctx); ok || err != nil {
		return result, err
	}
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

// An attempt fetches from one source until that makes no more sense.
type attempt struct {
	*Transfer
	source   Source
	restarts int
	mismatch bool // a digest did not match once
	single   bool // ask for the whole, in one stream
	untagged bool // servers behind one name tag the same bytes differently
}

// again decides whether to start again, and how.
func (a *attempt) again(ctx context.Context, err error) bool {
	digest, mismatch := errors.AsType[*DigestError](err)
	_, again := errors.AsType[*startAgainError](err)
	switch {
	case errors.Is(err, ErrNoRange) && !a.single:
		a.log.WarnContext(ctx, "the server does not send parts of the file: one connection", "source", a.source.Name())
		a.single = true
		return true
	case errors.Is(err, ErrChanged) && a.want != (Digest{}) && !a.untagged:
		a.log.WarnContext(ctx, "the server tells versions apart differently from answer to answer: the digest decides", "source", a.source.Name())
		a.untagged = true
		return true
	case errors.Is(err, ErrChanged) && a.restarts < maxRestarts:
		a.restarts++
		a.single = a.restarts == maxRestarts // with one answer, there is nothing to mix
		a.log.WarnContext(ctx, "the file changed on the server: starting again", "source", a.source.Name())
		return true
	case again && a.restarts < 3*maxRestarts:
		a.restarts++
		a.log.WarnContext(ctx, "starting again: the server tells versions of the file not apart", "source", a.source.Name(), "err", err)
		return true
	case mismatch && !a.mismatch:
		a.mismatch = true
		a.log.WarnContext(ctx, "digest mismatch: fetching all of it once more", "source", a.source.Name(), "want", digest.Want.String(), "got", digest.Got.String())
		return true
	default:
		return false
	}
}

const maxRestarts = 3

// run fetches the file once.
func (a *attempt) run(ctx context.Context) (Result, error) {
	a.enter(Fetching)
	record := a.record()
	tag, span := "", Span{0, chunk}
	if _, intact := a.readReceipt(); record == nil && intact && a.want == (Digest{}) {
		span.End = 1 // the answer may be that nothing has changed
	}
	if record != nil {
		gaps := record.have().gaps(record.Size)
		if len(gaps) == 0 {
			return a.complete(ctx, record)
		}
		tag, span = record.Tag, Span{gaps[0].Start, min(gaps[0].End, gaps[0].Start+chunk)}
		if a.untagged || record.Source != a.sourceID() {
			tag = ""
		}
	}
	if a.single {
		span = whole()
	}
	part, err := a.begin(ctx, span, tag)
	if err == nil && part.Ranged && part.Size < 0 { // of an object whose size is not told
		if record == nil || tag == "" {
			part.close(a.Transfer)
			return Result{}, ErrNoRange
		}
		part.Size = record.Size
	}
	if err == nil && record != nil && part.Size != record.Size && record.Source != a.sourceID() {
		part.close(a.Transfer) // what another source gave is not worth less for it
		return Result{}, permanent(fmt.Errorf("has %d bytes, and another source %d", part.Size, record.Size))
	}
	if errors.Is(err, ErrChanged) || record != nil && err == nil && part.Size != record.Size {
		if err == nil {
			part.close(a.Transfer)
		}
		a.discard("the file has changed on the server since")
		return a.run(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if result, ok := a.unchanged(part); ok {
		part.close(a.Transfer)
		return result, nil
	}
	return a.download(ctx, part, record)
}

// begin sends the first request, which is also the first chunk. Its connection
// counts as one of the host's.
func (a *attempt) begin(ctx context.Context, span Span, tag string) (*Part, error) {
	pauses := a.fetcher.pauses()
	ctx, cancel := a.guard(ctx)
	defer cancel()
	for {
		if err := a.acquire(ctx); err != nil {
			return nil, err
		}
		// The answer outlives the guard's context, the request must end with it.
		request, end := context.WithCancelCause(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
		part, err := a.source.Open(request, span, tag)
		stop()
		if err == nil {
			a.host.answered()
			part.Body = closeWith{part.Body, func() { end(nil) }}
			return part, nil
		}
		end(nil)
		a.release()
		if err := a.failed(ctx, err, false, pauses); err != nil {
			return nil, err
		}
	}
}

// download gets what is missing, given the first answer.
func (a *attempt) download(ctx context.Context, first *Part, record *record) (Result, error) {
	a.size.Store(first.Size)
	o := object{
		Version: journalVersion, Source: a.sourceID(), Size: first.Size, Tag: first.Tag, Digest: a.want.String(),
		Server: first.Digests,
	}
	if record != nil {
		o = record.object
	}
	d := &download{Transfer: a.Transfer, source: a.source, tag: first.Tag}
	if a.untagged {
		d.tag = ""
	}
	d.sure = d.tag != "" || a.want != (Digest{})
	if !d.sure && first.Ranged && first.End < first.Size { // nothing would tell if the rest is of the same version
		first.close(a.Transfer)
		a.single = true
		return a.run(ctx)
	}
	err := a.enoughSpace(o, record)
	if err == nil && a.file.Extract {
		err = a.replaceable()
	}
	if err != nil {
		first.close(a.Transfer)
		return Result{}, err
	}
	one := !first.Ranged || first.Size < 0 || !d.sure
	have := spans{}
	if record != nil {
		if one { // the stream writes all that follows the first gap: no byte that counts is written again
			record.keepPrefix()
		}
		have = record.have()
	}
	d.ranges = newRanges(first.Size, a.fetcher.window(), have)
	d.ranges.whole = one
	if d.part, err = a.place.openPartial(o, record, d.sure); err != nil {
		first.close(a.Transfer)
		if errors.Is(err, errGone) { // by another process: where locks do not work
			return a.run(ctx)
		}
		return Result{}, err
	}
	if !d.sure && first.Size > unit {
		a.log.WarnContext(ctx, "the server tells versions of the file not apart: one connection, and no resuming", "source", a.source.Name())
	}
	return a.transfer(ctx, d, first, record)
}

// transfer runs a download and takes its result over.
func (a *attempt) transfer(ctx context.Context, d *download, first *Part, record *record) (Result, error) {
	var server []Digest
	if record != nil {
		server = record.Server
	}
	if first != nil {
		server = first.Digests
	}
	check, level := a.check(server)
	if level < a.file.Evidence {
		d.part.close()
		first.close(a.Transfer)
		return Result{}, &EvidenceError{Source: a.source.Name(), Want: a.file.Evidence, Got: level}
	}
	d.part.drop = a.fetcher.drops(d.ranges.size)
	d.verify = newVerifier(d.part, d.ranges, check.algorithms(), a.fetcher.free)
	a.follow(d.ranges)
	defer a.follow(nil)
	err := func() error {
		if record != nil {
			n, _ := d.ranges.done()
			a.present.Store(n)
			if err := d.verify.resume(ctx, record); err != nil {
				first.close(a.Transfer)
				return err
			}
		}
		guarded, cancel := a.guard(ctx)
		defer cancel()
		return d.run(guarded, first)
	}()
	d.part.stop()
	if d.verify.bad > 0 {
		a.log.WarnContext(ctx, "parts of the partial file were not what had been written: fetched again", "mebibytes", d.verify.bad)
	}
	if err != nil {
		return Result{}, a.keepOrDrop(d, err)
	}
	return a.finish(ctx, d, check, level)
}

// keepOrDrop closes the partial file, and removes it if it is of no use.
func (a *attempt) keepOrDrop(d *download, err error) error {
	useless := errors.Is(err, ErrChanged) && (a.want == (Digest{}) || a.untagged)
	if useless || d.part.journal == nil {
		d.part.remove()
	} else {
		d.part.close()
	}
	return err
}

// A check is what the bytes are compared with.
type check struct {
	main   string   // the algorithm whose digest is told
	wanted []Digest // by the user or a list; then by the server
}

// check returns what to compare with, and the evidence that it makes.
func (t *Transfer) check(server []Digest) (check, Evidence) {
	if t.want != (Digest{}) {
		return check{t.want.Algorithm, []Digest{t.want}}, t.level
	}
	c := check{main: "sha256", wanted: server}
	if len(server) > 0 {
		return c, EvidenceServer
	}
	return c, EvidenceSize
}

// algorithms returns the hash functions to run, that of the result first.
func (c check) algorithms() []string {
	all := []string{c.main}
	for _, d := range c.wanted {
		if !slices.Contains(all, d.Algorithm) {
			all = append(all, d.Algorithm)
		}
	}
	return all
}

// finish compares the digests and puts the file in its place.
func (a *attempt) finish(ctx context.Context, d *download, c check, level Evidence) (Result, error) {
	a.enter(Verifying)
	for _, want := range c.wanted {
		if got := d.verify.sum(want.Algorithm); got != want {
			looks := looksLike(d.part.f)
			d.part.remove()
			return Result{}, &DigestError{Source: a.source.Name(), Want: want, Got: got, Evidence: level, Looks: looks}
		}
	}
	result := Result{
		Path: a.place.dest, Source: a.source.Name(), Size: d.ranges.size, Resumed: a.present.Load(),
		Digest: d.verify.sum(c.main), Evidence: level,
	}
	r := receipt{
		Source: a.sourceID(), Size: result.Size, Tag: d.tag, Digest: result.Digest.String(), Evidence: level.String(),
	}
	if err := a.put(ctx, d.part, &r); err != nil {
		return Result{}, err
	}
	a.enter(Recording)
	a.clean()
	a.confirm(ctx, r)
	return result, nil
}

// put brings the file, or what the archive holds, to the destination. The receipt
// becomes that of what is there then.
func (a *attempt) put(ctx context.Context, part *partial, r *receipt) error {
	defer part.close()
	if a.file.Extract {
		a.enter(Extracting)
		return a.extract(ctx, part, r)
	}
	a.enter(Syncing)
	if err := part.sync(a.file.Mode); err != nil {
		return err
	}
	a.enter(Renaming)
	for tries := 0; ; tries++ {
		if stat := fileInfo(part.f.Stat()); stat != nil {
			*r = r.of(stat)
			_ = a.prepare(*r) // what does not work now may work when it counts
		}
		err := part.rename(a.place.dest)
		if !errors.Is(err, errGone) {
			return err
		}
		if tries == maxRestarts {
			return localError("rename to", errGone)
		}
		if err := part.copyTo(a.place.newPart()); err != nil {
			return err
		}
	}
}

// complete takes a partial file of which all bytes are there, without asking the
// server: the last run died between the last byte and the rename.
func (a *attempt) complete(ctx context.Context, record *record) (Result, error) {
	a.enter(Verifying)
	part, err := a.place.openPartial(record.object, record, true)
	if errors.Is(err, errGone) {
		return a.run(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	a.size.Store(record.Size)
	d := &download{Transfer: a.Transfer, source: a.source, sure: true, part: part}
	if record.Source == a.sourceID() {
		d.tag = record.Tag
	}
	d.ranges = newRanges(record.Size, a.fetcher.window(), record.have())
	return a.transfer(ctx, d, nil, record)
}

// record finds a partial file to go on with.
func (a *attempt) record() *record {
	if a.mismatch {
		a.clean()
		return nil
	}
	if a.locked {
		a.place.cleanFolders()
	}
	return a.place.resumable(a.sourceID(), a.want.String(), a.locked, a.untagged)
}

// clean removes what was fetched and extracted, and is of no use now.
func (t *Transfer) clean() {
	t.place.clean("")
	if t.locked {
		t.place.cleanFolders()
	}
}

// discard removes what an earlier run had got.
func (a *attempt) discard(why string) {
	a.log.Warn("starting again", "source", a.source.Name(), "err", why)
	a.clean()
}

// sourceID identifies a source without telling it.
func (a *attempt) sourceID() string {
	name, _, _ := strings.Cut(a.source.Name(), "?")
	return hashOf(name)
}

// acquire takes a connection of the host in use, which release gives back.
func (t *Transfer) acquire(ctx context.Context) error {
	if err := t.host.acquire(ctx); err != nil {
		return err
	}
	t.streams.Add(1)
	return nil
}

func (t *Transfer) release() {
	t.streams.Add(-1)
	t.host.release()
}

// guard ends work when no byte comes for too long.
func (t *Transfer) guard(ctx context.Context) (context.Context, func()) {
	limit := cmp.Or(t.fetcher.NoProgress, DefaultNoProgress)
	if limit < 0 {
		return ctx, func() {}
	}
	t.last.Store(time.Now().UnixNano()) // what was done on this machine before is no lack of bytes
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		timer := time.NewTicker(min(limit/4+1, time.Second))
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
				if t.streams.Load() == 0 && t.host.full() {
					t.last.Store(time.Now().UnixNano())
				}
				if idle := time.Since(time.Unix(0, t.last.Load())); idle >= limit {
					t.mu.Lock()
					cancel(permanent(&NoProgressError{limit, t.err}))
					t.mu.Unlock()
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// received counts bytes.
func (t *Transfer) received(n int) {
	if n == 0 {
		return
	}
	t.fetched.Add(int64(n))
	t.last.Store(time.Now().UnixNano())
	t.host.received(n)
}

// retried counts a failure that another try may clear.
func (t *Transfer) retried(err error) {
	t.retries.Add(1)
	t.note(err)
}

// note keeps the last cause of trouble.
func (t *Transfer) note(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	t.log.Debug("trying again", "source", t.Name(), "err", err)
}

// mayForgive reports whether to try again after a refusal: of a file that has
// been given until now, one answer among many may be wrong.
func (t *Transfer) mayForgive(progress bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if progress {
		t.forgiven = 0
	}
	t.forgiven++
	return t.fetched.Load() > 0 && t.forgiven <= 2
}

func (t *Transfer) follow(r *ranges) {
	t.mu.Lock()
	t.ranges = r
	t.mu.Unlock()
}

// isLocal reports whether another source would fail as well.
func isLocal(err error) bool {
	_, ok := errors.AsType[*LocalError](err)
	return ok
}
