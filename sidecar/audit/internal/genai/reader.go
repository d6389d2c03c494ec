package genai

import (
	"io"
	"sync"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/sidecar/audit/internal/decode"
)

// maxDecoded is how much is decoded of a body at most: a few bytes can stand for many.
const maxDecoded = 256 << 20

// A Reader reads a copy of a body, as it goes by.
type Reader struct {
	to   io.Writer // nil behind a decoder
	pipe *io.PipeWriter
	wg   sync.WaitGroup
}

// newReader returns nil for an encoding that it does not know.
func newReader(encoding string, to io.Writer) *Reader {
	if decode.IsIdentity(encoding) {
		return &Reader{to: to}
	}
	if !decode.Known(encoding) {
		return nil
	}
	in, out := io.Pipe()
	r := &Reader{pipe: out}
	r.wg.Go(func() {
		var err error
		defer func() { _ = in.CloseWithError(io.ErrClosedPipe) }() // what follows is not read
		defer crash.Recover(&err)
		body, err := decode.NewReader(encoding, in)
		if err == nil {
			_, _ = io.Copy(to, io.LimitReader(body, maxDecoded))
			_ = body.Close()
		}
	})
	return r
}

// Write reads a piece. It returns once that is read, and never fails.
func (r *Reader) Write(p []byte) (int, error) {
	if r.to != nil {
		return r.to.Write(p)
	}
	_, _ = r.pipe.Write(p)
	return len(p), nil
}

// Close waits until all is read.
func (r *Reader) Close() {
	if r.pipe != nil {
		_ = r.pipe.Close()
		r.wg.Wait()
	}
}
