package engine

import (
	"context"
	"io"
	"time"
)

// A sink writes in a goroutine of its own, so that a writer that blocks for ever, such as a pipe that nobody reads, does
// not keep its user from ending.
type sink struct {
	writes  chan []byte
	results chan error
	waiting *time.Ticker
}

func newSink(to io.Writer) *sink {
	s := &sink{writes: make(chan []byte), results: make(chan error, 1), waiting: time.NewTicker(time.Second)}
	go func() {
		for b := range s.writes {
			_, err := to.Write(b)
			s.results <- err
		}
	}()
	return s
}

// write writes b, and calls moved once a second meanwhile: however long the reader takes, it is not the server that is
// slow. When ctx ends first, the write may still be going on: b must not be used after that.
func (s *sink) write(ctx context.Context, b []byte, moved func()) error {
	todo := s.writes
	for {
		select {
		case todo <- b:
			todo = nil
		case err := <-s.results:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.waiting.C:
			moved()
		}
	}
}

// close ends the goroutine, once a write that is going on has ended.
func (s *sink) close() {
	s.waiting.Stop()
	close(s.writes)
}
