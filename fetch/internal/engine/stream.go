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

// stream fetches a segment. The answer has no part if it was not requested yet. It returns how
// many bytes it wrote.
func (d *download) stream(ctx context.Context, c *segment, a *answer) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.ranges.begins(c, cancel)
	if a.Part == nil {
		var err error
		if a.Part, err = d.open(ctx, c); err != nil {
			return 0, cutOff(ctx, err)
		}
		d.host.answered(a.slot)
	}
	stop := context.AfterFunc(ctx, func() { _ = a.Body.Close() })
	defer func() {
		stop()
		_ = a.Body.Close()
	}()
	off, left := d.ranges.answered(c, a.End)
	switch {
	case a.Size != d.ranges.size.Load():
		return 0, source.ErrChanged
	case left == 0:
		return 0, errOvertaken
	case a.Start > off:
		return 0, errors.New("the answer begins after the bytes asked for")
	}
	came := func(n int) { d.ranges.skipped(c, n) }
	if err := skip(ctx, d.Job, a.Body, off-a.Start, came); err != nil {
		return 0, cutOff(ctx, err)
	}
	n, err := d.copy(ctx, c, a.Part)
	if err != nil {
		return n, cutOff(ctx, err)
	}
	return n, nil
}

// skip reads n bytes that are present already, of a server that cannot begin in the middle.
// While it reads, the stall timeout stands still; it does not begin anew, so that streams
// that never get further end at some time. Came is called after each read.
func skip(ctx context.Context, j *Job, body io.Reader, n int64, came func(n int)) error {
	if n == 0 {
		return nil
	}
	idle := j.Progress.idle()
	b := j.Engine.buffer(-1)
	defer j.Engine.free(b)
	for n > 0 {
		got, err := body.Read(b[:min(int64(len(b)), n)])
		n -= int64(got)
		if got > 0 {
			came(got)
			j.Progress.came.Add(int64(got))
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

// open requests a segment. If the answer does not say the size of the object, it is the known
// one: the validator is the same.
func (d *download) open(ctx context.Context, c *segment) (*source.Part, error) {
	off, n := int64(0), int64(source.Whole)
	if !d.ranges.whole {
		s := d.ranges.wanted(c)
		off, n = s.Start, s.Len()
	}
	part, err := d.get(ctx, off, n, d.validator)
	if err == nil && part.Size < 0 && part.Start > 0 {
		part.Size = d.ranges.size.Load()
	}
	return part, err
}

// drop closes an answer that is not needed, with its connection.
func (d *download) drop(a *answer) {
	_ = a.Body.Close()
	d.release(a.slot)
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
	w := &writer{download: d, buffer: d.Engine.buffer(d.ranges.size.Load())}
	defer func() { d.Engine.free(w.buffer) }()
	for {
		room, err := d.room(ctx, c, part.Body, w)
		if err != nil || room == 0 {
			return written, cmp.Or(w.flush(), err)
		}
		n, readErr := part.Body.Read(w.buffer[w.n:][:min(int64(len(w.buffer)-w.n), room)])
		off, taken, left := d.ranges.take(c, n)
		if w.n == 0 {
			w.off = off
		}
		w.n += taken
		written += int64(taken)
		d.received(taken)
		if err := d.grow(off + int64(taken)); err != nil {
			return written, err
		}
		if w.n == len(w.buffer) || !left || readErr != nil {
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
		case d.ranges.size.Load() < 0:
			return written, d.endOfStream(part, off+int64(taken))
		case left && (written == 0 || !d.sure):
			return written, source.ErrCut
		default:
			return written, nil // what is left of the segment goes to another request
		}
	}
}

// rest waits until the rate limit allows more than n bytes. A stream that waits for that does
// not count as idle.
func (d *download) rest(ctx context.Context, c *segment, n int) error {
	pause := d.Engine.pauseAfter(n)
	if pause <= 0 {
		return nil
	}
	d.ranges.rests(c, pause)
	return retry.Sleep(ctx, pause)
}

// grow makes room for the bytes before end, where their number was not known before.
func (d *download) grow(end int64) error {
	if d.ranges.size.Load() >= 0 || end <= d.grown {
		return nil
	}
	if err := d.tooLong(end); err != nil {
		return err
	}
	d.grown = end + piece
	return d.Dest.Grow(end)
}

// endOfStream ends an object whose size the server did not say. Where nothing but the end of
// the connection marks the end, only a digest shows whether the object was cut.
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
		Text: "the server sends neither the size of the file nor a mark of its end",
		Hint: "without either, a cut is not noticed: give the digest with --sha256",
	})
}
