package engine

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/usererr"
)

// stream fetches a segment, of which part may be there already. It returns how many
// bytes it wrote.
func (d *download) stream(ctx context.Context, c *segment, part *source.Part) (int64, error) {
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
		return 0, source.ErrChanged
	case part.Start > c.off:
		return 0, errors.New("the answer begins after the bytes asked for")
	}
	d.ranges.opened(c, func() { cancel(errSlow) })
	came := func(n int) { d.ranges.skipped(c, n) }
	if err := skip(ctx, d.Job, part.Body, c.off-part.Start, came); err != nil {
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
func skip(ctx context.Context, j *Job, body io.Reader, n int64, came func(n int)) error {
	if n == 0 {
		return nil
	}
	idle := j.Progress.idle()
	b := j.Engine.buffer()
	defer j.Engine.free(b)
	for n > 0 {
		got, err := body.Read(b[:min(int64(len(b)), n)])
		n -= int64(got)
		if got > 0 {
			came(got)
			if at := time.Now().Add(-idle).UnixNano(); at > j.Progress.last.Load() {
				j.Progress.last.Store(at)
			}
		}
		if err := j.Engine.limit(ctx, got); err != nil {
			return err
		}
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// open asks for a segment. A size that an answer does not tell is the one that is known,
// of an object with the same validator.
func (d *download) open(ctx context.Context, c *segment) (*source.Part, error) {
	off, n := int64(0), int64(source.Whole)
	if !d.ranges.whole {
		off, n = c.off, d.ranges.endOf(c)-c.off
	}
	part, err := d.Source.Open(ctx, off, n, d.validator)
	if err == nil && part.Size < 0 && part.Start > 0 {
		part.Size = d.ranges.size
	}
	return part, err
}

// drop closes an answer that is not needed, with its connection.
func (d *download) drop(answer *source.Part) {
	_ = answer.Body.Close()
	d.release()
}

// cutOff says why a stream ended before its segment did.
func cutOff(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// copy writes what comes, until the segment is done or the stream ends.
func (d *download) copy(ctx context.Context, c *segment, part *source.Part) (written int64, err error) {
	w := &writer{download: d, buffer: d.Engine.buffer()}
	defer func() { d.Engine.free(w.buffer) }()
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
			return written, source.ErrCut
		default:
			more = false // what is left of the segment goes to another request
		}
	}
	return written, nil
}

// rest waits until the limit of the rate allows more than n bytes. A stream that
// waits for that does not stand still.
func (d *download) rest(ctx context.Context, c *segment, n int) error {
	pause := d.Engine.pauseAfter(n)
	if pause <= 0 {
		return nil
	}
	d.ranges.rests(c, pause)
	return retry.Sleep(ctx, pause)
}

// endOfStream ends an object whose size was not told. Where nothing but the end
// of the connection marks the end, it may be cut; only a digest would tell.
func (d *download) endOfStream(part *source.Part, size int64) error {
	if part.Unframed && d.Want == (source.Digest{}) {
		return errEndUntold()
	}
	d.ranges.ended(size)
	d.verify.look()
	return nil
}

func errEndUntold() error {
	return source.Permanent(&usererr.Error{
		Text: "the server tells neither the size of the file nor where it ends",
		Hint: "nobody could see that it was cut: give its digest with --sha256",
	})
}
