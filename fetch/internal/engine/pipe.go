package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// A Streamed is an object that was passed on.
type Streamed struct {
	Size   int64 // bytes
	Digest source.Digest
}

// Stream passes the bytes on to w, in one stream that is resumed where it broke off. What
// reads them has them before the digest is known: the error, a [MismatchError], tells.
func Stream(ctx context.Context, j *Job, w io.Writer) (Streamed, error) {
	j.host = j.Engine.host(j.Source.Origin())
	j.Fetching()
	ctx, cancel := watchdog(ctx, j)
	defer cancel()
	p := &pipe{Job: j, to: newSink(w), size: -1}
	defer p.to.close()
	pauses := j.Engine.pauses()
	for {
		before := p.off
		err := p.stream(ctx)
		if err == nil {
			return p.finish()
		}
		if p.off > before {
			pauses.Reset()
		}
		if err := j.failed(ctx, err, p.off > before, pauses); err != nil {
			return Streamed{}, err
		}
	}
}

// A pipe passes bytes on in their order.
type pipe struct {
	*Job
	to        *sink
	off       int64 // bytes passed on
	size      int64 // -1: not known
	validator string
	check     Check
	hashes    hashes
}

// stream passes on what one answer holds.
func (p *pipe) stream(ctx context.Context) error {
	n := int64(source.Whole)
	if p.off > 0 {
		n = source.ToEnd
	}
	part, err := p.get(ctx, p.off, n, p.validator)
	if errors.Is(err, source.ErrNoRange) {
		part, err = p.get(ctx, 0, source.Whole, p.validator)
	}
	if err != nil {
		return err
	}
	defer func() { _ = part.Body.Close() }()
	if err := p.expect(part); err != nil {
		return err
	}
	answering, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(answering, func() { _ = part.Body.Close() })
	defer stop()
	idle := &idleTimer{pipe: p, begun: time.Now()}
	idle.Timer = time.AfterFunc(idle.limit(), func() { cancel(errIdle) })
	defer idle.Stop()
	if err := skip(answering, p.Job, part.Body, p.off-part.Start, func(int) { idle.restart() }); err != nil {
		return cutOff(answering, err)
	}
	return p.pass(ctx, answering, part, idle)
}

// An idleTimer ends an answer that brings nothing. There is no other stream, and the next one
// may have to begin at the first byte.
type idleTimer struct {
	*time.Timer
	pipe  *pipe
	begun time.Time
}

func (t *idleTimer) restart() { t.Reset(t.limit()) }

func (t *idleTimer) limit() time.Duration {
	e := t.pipe.Engine
	return patience{idle: e.idleTimeout(), stall: e.stallTimeout()}.of(true, t.begun, 0)
}

// expect compares an answer with the first one.
func (p *pipe) expect(part *source.Part) error {
	if p.hashes == nil {
		p.validator, p.size = part.Validator, part.Size
		p.Progress.size.Store(part.Size)
		var err error
		if p.check, err = p.Judge(part.Digests); err != nil {
			return source.Permanent(err)
		}
		p.hashes = newHashes(p.check.algorithms())
	}
	pinned := p.Want != (source.Digest{})
	if err := p.tooLong(part.Size); err != nil {
		return err
	}
	switch {
	case part.Unframed && !pinned:
		return errEndUntold()
	case p.off > 0 && p.validator == "" && !pinned:
		return source.Permanent(&usererr.Error{
			Text: "the connection was cut, and the server sends no validator that tells versions of the file apart",
			Hint: "what was written cannot be taken back; with a digest (--sha256) inith can resume",
		})
	case part.Size != p.size && part.Size >= 0:
		return source.ErrChanged
	default:
		return nil
	}
}

// pass passes on the rest of an answer. Idle ends answering, unless it is restarted: not
// while the reader of the output takes its time, and never a write, whose bytes would be
// written once more.
func (p *pipe) pass(ctx, answering context.Context, part *source.Part, idle *idleTimer) error {
	buffer := make([]byte, bufferSize) // of its own: a write may outlive this call
	for {
		idle.restart()
		n, err := part.Body.Read(buffer)
		idle.Stop()
		if err := p.tooLong(p.off + int64(n)); err != nil {
			return err
		}
		if err := p.to.write(ctx, buffer[:n], p.Progress.excuse); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return store.Refusal("cannot write to the standard output", "Check whether the program that reads it has ended.", err)
		}
		p.hashes.write(buffer[:n])
		p.off += int64(n)
		p.Progress.done.Store(p.off)
		p.received(n)
		if err := p.Engine.limit(ctx, n); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF) && (p.size < 0 || p.off == p.size):
			return nil
		case errors.Is(err, io.EOF):
			return source.ErrCut
		case err != nil:
			return cutOff(answering, err)
		}
	}
}

func (p *pipe) finish() (Streamed, error) {
	if err := p.check.compare(p.hashes); err != nil {
		return Streamed{}, err
	}
	return Streamed{Size: p.off, Digest: p.hashes.sum(p.check.Main)}, nil
}
