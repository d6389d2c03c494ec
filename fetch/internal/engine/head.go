package engine

import (
	"bytes"
	"context"
	"io"
)

// head reads the first bytes of the object from the first answer, and puts them back. It
// returns nil if the answer begins elsewhere, or if they do not come: the transfer will
// find out why.
func (a *attempt) head(ctx context.Context) []byte {
	if a.answer.Start > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.Engine.idleTimeout())
	defer cancel()
	body := a.answer.Body
	stop := context.AfterFunc(ctx, func() { _ = body.Close() })
	defer stop()
	b := make([]byte, a.Head)
	n, _ := io.ReadFull(body, b)
	a.answer.Body = putBack{io.MultiReader(bytes.NewReader(b[:n]), body), body}
	if n < a.Head && int64(n) != a.answer.Size { // cut, most likely
		return nil
	}
	return b[:n]
}

// A putBack is a body of which something was read.
type putBack struct {
	io.Reader
	io.Closer
}
