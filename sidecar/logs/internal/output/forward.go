package output

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// A Forward sends chunks to a receiver of the Forward protocol, version 1:
// https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
// Each chunk is a message in PackedForward mode.
type Forward struct {
	Addresses []string       // host:port; the first that can be used is
	TLS       *tlsconfig.TLS // nil for none
	Login     *Login         // nil for none
	NoAck     bool           // a chunk is delivered when it is written to the connection
	Gzip      bool
	Timeout   time.Duration // for a connection, and for the acknowledgement of a chunk
	Resolver  *net.Resolver // nil: the default one
	Logger    *slog.Logger

	Stats Stats

	problem
	loader *tlsconfig.Loader
	next   int    // index of the address to try
	logged string // the error that was logged
	since  time.Time
	last   time.Time // when it was logged
}

// Stats count what a [Forward] has done.
type Stats struct {
	Connected atomic.Bool
	Dials     atomic.Int64 // connections that were tried
	Failures  atomic.Int64 // connections that failed or broke
	Sent      atomic.Int64 // bytes
	Resent    atomic.Int64 // chunks
}

// maxPending is how many chunks wait for their acknowledgement.
const maxPending = 64

// A message is a chunk as it is sent.
type message struct {
	chunk *Chunk
	parts net.Buffers
	sent  time.Time // zero: not yet
}

// Run implements [Output].
func (f *Forward) Run(ctx context.Context, in <-chan *Chunk, delivered func(*Chunk)) {
	if f.TLS != nil {
		f.loader = &tlsconfig.Loader{TLS: *f.TLS}
	}
	pause := backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0))
	s := &session{f: f, in: in, delivered: func(c *Chunk) {
		pause.Reset()
		f.recovered(ctx)
		delivered(c)
	}}
	for failed := 0; ctx.Err() == nil; {
		if !s.wait(ctx) {
			return
		}
		address := f.Addresses[f.next%len(f.Addresses)]
		err := s.serve(ctx, address)
		f.Stats.Connected.Store(false)
		if ctx.Err() != nil || err == nil {
			failed = 0
			continue
		}
		f.Stats.Failures.Add(1)
		f.report(ctx, address, err)
		f.next++
		if failed++; failed%len(f.Addresses) == 0 {
			sleep(ctx, pause.NextBackOff())
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// heartbeat is the time between two log lines while nothing changes.
const heartbeat = 15 * time.Second

// report logs why nothing is delivered, when it changes and from time to time.
func (f *Forward) report(ctx context.Context, address string, err error) {
	now := time.Now()
	if f.since.IsZero() {
		f.since = now
	}
	why := explain(err)
	f.current.Store(&usererr.Error{Text: address + ": " + why.Text, Hint: why.Hint})
	if why.Text == f.logged && now.Sub(f.last) < heartbeat {
		return
	}
	f.logged, f.last = why.Text, now
	f.Logger.WarnContext(ctx, "not delivered, trying again", "receiver", address, "err", why.Text, "hint", why.Hint, "elapsed_seconds", int(now.Sub(f.since).Seconds()))
}

// explain describes an error without quoting the receiver.
func explain(err error) *usererr.Error {
	if e, ok := errors.AsType[*usererr.Error](err); ok {
		return e
	}
	if e := usererr.Connection(err); e != nil {
		return e
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &usererr.Error{Text: "no answer in time", Hint: "check the address, and whether a NetworkPolicy or firewall drops the packets"}
	}
	return &usererr.Error{Text: "the connection broke"}
}

// recovered logs the end of what was reported.
func (f *Forward) recovered(ctx context.Context) {
	if f.since.IsZero() {
		return
	}
	f.Logger.InfoContext(ctx, "delivered again", "elapsed_seconds", int(time.Since(f.since).Seconds()))
	f.since, f.last, f.logged = time.Time{}, time.Time{}, ""
	f.current.Store(nil)
}
