package fetch

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/usererr"
)

// A download brings the bytes of one object into its partial file.
type download struct {
	*Transfer
	source Source
	tag    string // that every answer must have; "" for none
	sure   bool   // what comes from two answers is of one version, or a digest will tell
	ranges *ranges
	part   *store.Partial
	verify *verifier
}

// A startAgainError means that the rest of a stream cannot be asked for, since
// nothing would tell if it is of the same version.
type startAgainError struct{ err error }

func (e *startAgainError) Error() string { return e.err.Error() }
func (e *startAgainError) Unwrap() error { return e.err }

// errSlow ends a stream that is much slower than its siblings, or stands still.
var errSlow = errors.New("slow")

// run returns when all bytes are there and hashed. First is an answer that is
// there already, with a connection of the host's; nil if there is none.
func (d *download) run(ctx context.Context, first *Part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	spawn := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	var claimed *claim
	if first != nil {
		if claimed = d.ranges.claimFor(span.Span(first.Span)); claimed == nil {
			first.close(d.Transfer)
			first = nil
		}
	}
	spawn(func(ctx context.Context) error { return d.work(ctx, first, claimed) })
	for range d.workers() - 1 {
		spawn(func(ctx context.Context) error { return d.work(ctx, nil, nil) })
	}
	wg.Go(func() { d.watch(ctx) })
	err := d.verify.run(ctx)
	cancel(err)
	return err
}

// workers returns how many connections may be of use.
func (d *download) workers() int {
	if d.ranges.whole {
		return 1
	}
	most := d.ranges.size/leastPart + 1
	return int(min(most, int64(d.fetcher.connections())))
}

// work fetches one claim after the other, until ctx is done. The first claim, and
// the answer for it, may be there already.
func (d *download) work(ctx context.Context, first *Part, c *claim) error {
	pauses := d.fetcher.pauses()
	rate := 0.0
	for {
		if c == nil {
			var err error
			if c, err = d.claim(ctx, rate); err != nil {
				return err
			}
		}
		begun := time.Now()
		n, err := d.stream(ctx, c, first)
		rate = float64(n) / time.Since(begun).Seconds()
		d.ranges.release(c)
		d.release()
		first, c = nil, nil
		if n > 0 {
			pauses.Reset()
		}
		if err == nil {
			continue
		}
		if err := d.failed(ctx, err, n >= leastPart, pauses); err != nil {
			return err
		}
		if n > 0 && !d.sure {
			return &startAgainError{err}
		}
	}
}

// claim waits for something to fetch and a connection to fetch it with, until ctx
// is done: what is there may still prove wrong.
func (d *download) claim(ctx context.Context, rate float64) (*claim, error) {
	for {
		if err := d.acquire(ctx); err != nil {
			return nil, err
		}
		c, changed := d.ranges.next(d.host.connections(), rate)
		if c != nil {
			return c, nil
		}
		d.release()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// stream fetches a claim, of which part may be there already. It returns how many
// bytes it wrote.
func (d *download) stream(ctx context.Context, c *claim, part *Part) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if part == nil {
		var err error
		if part, err = d.open(ctx, c); err != nil {
			return 0, err
		}
		d.host.answered()
	}
	stop := context.AfterFunc(ctx, func() { _ = part.Body.Close() })
	defer func() {
		stop()
		_ = part.Body.Close()
	}()
	switch {
	case part.Size != d.ranges.size:
		return 0, ErrChanged
	case part.Start > c.off:
		return 0, errors.New("the answer begins after the bytes asked for")
	}
	d.ranges.opened(c, func() { cancel(errSlow) })
	came := func(n int) { d.ranges.skipped(c, n) }
	if err := d.skip(ctx, part.Body, c.off-part.Start, came); err != nil {
		return 0, cutOff(ctx, err)
	}
	n, err := d.copy(ctx, c, part)
	if err != nil {
		return n, cutOff(ctx, err)
	}
	return n, nil
}

// skip reads n bytes that are there already: of servers that cannot begin in the
// middle. The time that it takes is not one without progress, but no progress
// either: pauses between streams that come no further add up. Came is told of
// each read.
func (t *Transfer) skip(ctx context.Context, body io.Reader, n int64, came func(n int)) error {
	if n == 0 {
		return nil
	}
	idle := time.Since(time.Unix(0, t.last.Load()))
	b := t.fetcher.buffer()
	defer t.fetcher.free(b)
	for n > 0 {
		got, err := body.Read(b[:min(int64(len(b)), n)])
		n -= int64(got)
		if got > 0 {
			came(got)
			if at := time.Now().Add(-idle).UnixNano(); at > t.last.Load() {
				t.last.Store(at)
			}
		}
		if err := t.fetcher.limit(ctx, got); err != nil {
			return err
		}
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// open asks for a claim. A size that an answer does not tell is the one that is
// known, of an object with the same tag.
func (d *download) open(ctx context.Context, c *claim) (*Part, error) {
	ask := whole()
	if !d.ranges.whole {
		ask = Span{c.off, d.ranges.endOf(c)}
	}
	part, err := d.source.Open(ctx, ask, d.tag)
	if err == nil && part.Size < 0 && part.Start > 0 {
		part.Size = d.ranges.size
	}
	return part, err
}

// cutOff says why a stream ended before its claim did.
func cutOff(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if isPermanent(err) || store.IsError(err) {
		return err
	}
	return explain(err)
}

// copy writes what comes, until the claim is done or the stream ends.
func (d *download) copy(ctx context.Context, c *claim, part *Part) (written int64, err error) {
	w := &writer{download: d, buffer: d.fetcher.buffer()}
	defer func() { d.fetcher.free(w.buffer) }()
	for more := true; more; {
		n, readErr := part.Body.Read(w.buffer[w.n:])
		off, taken, left := d.ranges.take(c, n)
		if w.n == 0 {
			w.off = off
		}
		w.n, more = w.n+taken, left
		written += int64(taken)
		d.received(taken)
		if w.n == len(w.buffer) || !more || readErr != nil {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
		if err := d.rest(ctx, c, taken); err != nil {
			return written, cmp.Or(w.flush(), err) // what was taken would be missing
		}
		switch {
		case readErr == nil:
		case !errors.Is(readErr, io.EOF):
			return written, readErr
		case d.ranges.size < 0:
			return written, d.endOfStream(part, off+int64(taken))
		case more && (written == 0 || !d.sure):
			return written, io.ErrUnexpectedEOF
		default:
			more = false // what is left of the claim goes to another request
		}
	}
	return written, nil
}

// rest waits until the limit of the rate allows more than n bytes. A stream that
// waits for that does not stand still.
func (d *download) rest(ctx context.Context, c *claim, n int) error {
	pause := d.fetcher.pauseAfter(n)
	if pause <= 0 {
		return nil
	}
	d.ranges.rests(c, pause)
	return retry.Sleep(ctx, pause)
}

// endOfStream ends an object whose size was not told. Where nothing but the end
// of the connection marks the end, it may be cut; only a digest would tell.
func (d *download) endOfStream(part *Part, size int64) error {
	if part.Closed && d.want == (Digest{}) {
		return errEndUntold()
	}
	d.ranges.ended(size)
	d.verify.look()
	return nil
}

func errEndUntold() error {
	return permanent(&usererr.Error{
		Text: "the server tells neither the size of the file nor where it ends",
		Hint: "nobody could see that it was cut: give its digest with --sha256",
	})
}

// A writer gathers bytes and writes them to the partial file.
type writer struct {
	*download
	buffer []byte
	off    int64 // in the file, of the buffer
	n      int   // bytes in it

	sumOf int64 // the unit that sum is of, from its first byte to summed
	sum   uint32
	next  int64 // the byte after those in sum
}

// flush writes the buffer, journals the units that are complete with it and hands
// it to the hash.
func (w *writer) flush() error {
	if w.n == 0 {
		return nil
	}
	b := w.buffer[:w.n]
	if err := w.part.WriteAt(b, w.off); err != nil {
		return err
	}
	known := w.checksums(b)
	units, ordered := w.ranges.wrote(span.Span{Start: w.off, End: w.off + int64(w.n)})
	if err := w.note(units, known); err != nil {
		return err
	}
	if ordered && w.verify.offer(w.off, b) {
		w.buffer = w.fetcher.buffer()
	} else if len(units) > 0 || ordered {
		w.verify.look()
	}
	w.n = 0
	return nil
}

// note puts units into the journal.
func (w *writer) note(units []int64, known map[int64]uint32) error {
	if !w.part.Journalled() {
		return nil
	}
	for _, u := range units {
		crc, ok := known[u]
		if !ok { // two workers wrote it
			var err error
			if crc, err = w.part.ChecksumOf(w.ranges.unitSpan(u)); err != nil {
				return err
			}
		}
		if err := w.part.Note(u, crc); err != nil {
			return err
		}
	}
	return nil
}

// checksums returns the CRC-32C of the units that end in b and of which this
// writer has written all.
func (w *writer) checksums(b []byte) map[int64]uint32 {
	known := map[int64]uint32{}
	for off := w.off; len(b) > 0; {
		n := int(min(int64(len(b)), unit-off%unit))
		u := off / unit
		if off%unit == 0 {
			w.sumOf, w.sum, w.next = u, 0, off
		}
		if w.sumOf == u && w.next == off {
			w.sum, w.next = store.UpdateChecksum(w.sum, b[:n]), off+int64(n)
			if w.next == w.ranges.unitSpan(u).End {
				known[u] = w.sum
			}
		}
		off, b = off+int64(n), b[n:]
	}
	return known
}

// watch replaces streams that are slow, and ends the transfer when none brings
// anything. It returns with ctx.
func (d *download) watch(ctx context.Context) {
	const every = 250 * time.Millisecond
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.ranges.look(every, d.fetcher.stall())
		}
	}
}

// failed decides after a failure: nil is to go on, after a pause.
func (t *Transfer) failed(ctx context.Context, err error, progress bool, pauses backoff.BackOff) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if store.IsError(err) {
		return err
	}
	if errors.Is(err, errSlow) {
		t.retried(errors.New("a connection was much too slow"))
		return nil
	}
	if errors.Is(err, ErrChanged) || errors.Is(err, ErrNoRange) || isPermanent(err) && !t.mayForgive(progress) {
		return err
	}
	t.retried(err)
	pause := pauses.NextBackOff()
	if throttled, ok := errors.AsType[*throttleError](err); ok {
		wanted := throttled.after + rand.N(throttled.after/8+1) // not all clients at once
		pause = min(max(pause, wanted), t.fetcher.retryMaxWait())
		t.host.throttle(pause)
		return nil
	}
	if progress { // the server works: only the connection was cut
		return nil
	}
	return retry.Sleep(ctx, pause)
}
