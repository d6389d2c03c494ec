package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// runStream writes the bytes to the standard output, in one stream that goes on
// where it broke off. What reads them has them before the digest is known: the
// exit code tells it.
func (t *Transfer) runStream(ctx context.Context) (Result, error) {
	s := t.sources[0]
	t.host = t.fetcher.host(s.Host())
	if err := t.wanted(ctx, s); err != nil {
		return Result{}, err
	}
	t.enter(Fetching)
	ctx, cancel := t.guard(ctx)
	defer cancel()
	p := &pipe{Transfer: t, source: s, to: t.fetcher.Stdout, size: -1}
	pauses := t.fetcher.pauses()
	for {
		before := p.off
		err := p.stream(ctx)
		if err == nil {
			return p.finish()
		}
		if p.off > before {
			pauses.Reset()
		}
		if err := t.failed(ctx, err, p.off > before, pauses); err != nil {
			return Result{}, named(s, err)
		}
	}
}

// A pipe passes bytes on in their order.
type pipe struct {
	*Transfer
	source Source
	to     io.Writer
	off    int64 // bytes passed on
	size   int64 // -1: not known
	tag    string
	check  check
	level  Evidence
	hashes hashes
}

// stream passes on what one answer holds.
func (p *pipe) stream(ctx context.Context) error {
	span := whole()
	if p.off > 0 {
		span = Span{p.off, -1}
	}
	part, err := p.source.Open(ctx, span, p.tag)
	if errors.Is(err, ErrNoRange) {
		part, err = p.source.Open(ctx, whole(), p.tag)
	}
	if err != nil {
		return err
	}
	defer func() { _ = part.Body.Close() }()
	if err := p.expect(part); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { _ = part.Body.Close() })
	defer stop()
	limit := p.fetcher.stall()
	stall := time.AfterFunc(limit, func() { cancel(errSlow) })
	defer stall.Stop()
	if err := p.skip(ctx, part.Body, p.off-part.Start, func(int) { stall.Reset(limit) }); err != nil {
		return cutOff(ctx, err)
	}
	return p.pass(ctx, part, stall)
}

// expect compares an answer with the first one.
func (p *pipe) expect(part *Part) error {
	if p.hashes == nil {
		p.tag, p.size = part.Tag, part.Size
		p.Transfer.size.Store(part.Size)
		p.check, p.level = p.Transfer.check(part.Digests)
		if p.level < p.file.Evidence {
			return permanent(&EvidenceError{Source: p.source.Name(), Want: p.file.Evidence, Got: p.level})
		}
		p.hashes = newHashes(p.check.algorithms())
	}
	if part.Closed && p.want == (Digest{}) {
		return errEndUntold()
	}
	if p.off > 0 && p.tag == "" && p.want == (Digest{}) {
		return permanent(&usererr.Error{
			Text: "the connection was cut, and the server tells versions of the file not apart",
			Hint: "what was written cannot be taken back; a digest (--sha256) lets it go on",
		})
	}
	if part.Size != p.size && part.Size >= 0 {
		return ErrChanged
	}
	return nil
}

// pass passes on the rest of an answer. Stall ends it, unless it is set again: not
// while the reader of the output takes its time.
func (p *pipe) pass(ctx context.Context, part *Part, stall *time.Timer) error {
	buffer := make([]byte, bufferSize) // of its own: a write may outlive this call
	for {
		stall.Reset(p.fetcher.stall())
		n, err := part.Body.Read(buffer)
		stall.Stop()
		if err := p.write(ctx, buffer[:n]); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return permanent(&LocalError{&usererr.Error{Text: "cannot write to the standard output", Hint: "did the reader end?", Err: err}})
		}
		p.hashes.write(buffer[:n])
		p.off += int64(n)
		p.received(n)
		if err := p.fetcher.limit(ctx, n); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF) && (p.size < 0 || p.off == p.size):
			return nil
		case errors.Is(err, io.EOF):
			return explain(io.ErrUnexpectedEOF)
		case err != nil:
			return cutOff(ctx, err)
		}
	}
}

// write passes bytes on. However long their reader takes, it is not the server
// that is slow, and the end of ctx does not wait for it.
func (p *pipe) write(ctx context.Context, b []byte) error {
	done := make(chan error, 1)
	go func() {
		_, err := p.to.Write(b)
		done <- err
	}()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			p.last.Store(time.Now().UnixNano())
		}
	}
}

func (p *pipe) finish() (Result, error) {
	if want, got := p.check.compare(p.hashes); got != want {
		return Result{}, &DigestError{Source: p.source.Name(), Want: want, Got: got, Evidence: p.level}
	}
	return Result{
		Source: p.source.Name(), Size: p.off, Evidence: p.level, Digest: p.hashes.sum(p.check.main),
	}, nil
}

// small returns what a source has, if it is short: a list of digests.
func (t *Transfer) small(ctx context.Context, s Source) ([]byte, error) {
	const most = 4 << 20
	t.host = t.fetcher.host(s.Host())
	ctx, cancel := t.guard(ctx)
	defer cancel()
	pauses := t.fetcher.pauses()
	for {
		b, err := readSmall(ctx, s, most)
		if err == nil {
			return b, nil
		}
		if err := t.failed(ctx, err, false, pauses); err != nil {
			return nil, err
		}
	}
}

func readSmall(ctx context.Context, s Source, most int64) ([]byte, error) {
	part, err := s.Open(ctx, whole(), "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = part.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(part.Body, most))
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	if int64(len(b)) == most {
		return nil, permanent(&usererr.Error{Text: "too long for a list of digests"})
	}
	return b, nil
}

// looksLike names what a file is that should have been another: servers that are
// not the right ones answer with pages.
func looksLike(f *os.File) string {
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0)
	text := strings.ToLower(strings.TrimSpace(string(b[:n])))
	switch {
	case n == 0:
		return "empty"
	case strings.HasPrefix(text, "version https://git-lfs"):
		return "a Git LFS pointer, not the file that it points to"
	case strings.HasPrefix(text, "<?xml"):
		return "an XML document, as stores send for errors"
	case strings.HasPrefix(http.DetectContentType(b[:n]), "text/html"):
		return "an HTML page, as logins and portals send"
	case strings.HasPrefix(text, "{"):
		return "a JSON document"
	default:
		return ""
	}
}

// closeWith ends something when a body is closed.
type closeWith struct {
	io.ReadCloser
	then func()
}

func (c closeWith) Close() error {
	err := c.ReadCloser.Close()
	c.then()
	return err
}

// close ends an answer that is not needed, with its connection.
func (p *Part) close(t *Transfer) {
	if p != nil {
		_ = p.Body.Close()
		t.release()
	}
}
