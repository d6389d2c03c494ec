// Package engine brings the bytes of an object into its partial file, or to a stream: in
// parallel ranges, resumed, and hashed as they come.
//
// A [Job] is one object. An object is divided into pieces of 1 MiB, which the journal
// counts by. A worker fetches one segment after the other over a connection, and asks for
// a chunk at a time. The verifier hashes from the first byte on; the read-ahead bounds how
// far the workers may be ahead of it.
package engine

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/retry"
)

// Defaults of an [Engine].
const (
	DefaultStallTimeout = 2 * time.Minute
	DefaultRetryMaxWait = 30 * time.Second
	DefaultIdleTimeout  = 20 * time.Second
	DefaultMinRate      = 1 << 10
)

const bufferSize = 128 << 10

// An Engine is what jobs share. The zero value is ready to use. It must not be copied
// after first use.
type Engine struct {
	Connections  int           // maximum to one host; zero: 16
	StallTimeout time.Duration // give up when no byte came for so long; zero: 2m, negative: never
	RetryMaxWait time.Duration // the longest pause between attempts, whatever a server asks for; zero: 30s
	IdleTimeout  time.Duration // a connection without a byte for so long is replaced; zero: 20s
	MinRate      int64         // give up when fewer bytes per second of a job come over a minute; zero: 1 KiB, negative: never
	RateLimit    int64         // bytes per second over all connections; zero: none
	MemoryLimit  int64         // bytes that the cgroup allows; zero: no limit
	StartJitter  time.Duration // the first request is sent after a random time up to this; zero: at once

	mu      sync.Mutex
	start   time.Time // of the first request; zero: there was no job yet
	hosts   map[string]*host
	limiter *rate.Limiter
	buffers sync.Pool
}

func (e *Engine) connections() int           { return cmp.Or(e.Connections, source.DefaultConnections) }
func (e *Engine) idleTimeout() time.Duration { return cmp.Or(e.IdleTimeout, DefaultIdleTimeout) }
func (e *Engine) minRate() int64             { return cmp.Or(e.MinRate, DefaultMinRate) }
func (e *Engine) stallTimeout() time.Duration {
	return cmp.Or(e.StallTimeout, DefaultStallTimeout)
}

func (e *Engine) retryMaxWait() time.Duration {
	return cmp.Or(e.RetryMaxWait, DefaultRetryMaxWait)
}

// Wrap bounds what a new connection may have under way, for [source.Network].
func (e *Engine) Wrap(origin string, conn net.Conn) net.Conn {
	return e.host(origin).window.add(conn)
}

// host returns the count of connections to a host.
func (e *Engine) host(name string) *host {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hosts == nil {
		e.hosts, e.start = map[string]*host{}, time.Now().Add(rand.N(e.StartJitter+1))
	}
	if e.hosts[name] == nil {
		e.hosts[name] = newHost(e.connections(), e.start)
	}
	return e.hosts[name]
}

// buffer returns a buffer for an object of so many bytes, -1 if that is not known, which free takes back.
func (e *Engine) buffer(size int64) []byte {
	if size >= 0 && size < bufferSize/4 { // of thousands of small files, many are under way
		return make([]byte, size+1)
	}
	if b, ok := e.buffers.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, bufferSize)
}

func (e *Engine) free(b []byte) {
	if b = b[:cap(b)]; len(b) == bufferSize {
		e.buffers.Put(&b)
	}
}

// pauses returns the pauses between the attempts of one worker.
func (e *Engine) pauses() backoff.BackOff {
	longest := e.retryMaxWait()
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(500*time.Millisecond, longest)), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(longest), backoff.WithRandomizationFactor(0.5), backoff.WithMaxElapsedTime(0))
}

// limit waits until n more bytes may have come.
func (e *Engine) limit(ctx context.Context, n int) error {
	return retry.Sleep(ctx, e.pauseAfter(n))
}

// pauseAfter returns for how long nothing more may come after n bytes.
func (e *Engine) pauseAfter(n int) time.Duration {
	if e.RateLimit <= 0 {
		return 0
	}
	e.mu.Lock()
	if e.limiter == nil {
		e.limiter = rate.NewLimiter(rate.Limit(e.RateLimit), bufferSize)
	}
	e.mu.Unlock()
	return e.limiter.ReserveN(time.Now(), n).Delay()
}

// limited reports whether the rate limit is what bytes wait for.
func (e *Engine) limited() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limiter != nil && e.limiter.Tokens() < 0
}

// readAhead returns how far bytes may come ahead of the hash: less where memory is
// limited, since pages that wait for the disk count.
func (e *Engine) readAhead() int64 {
	if e.MemoryLimit <= 0 {
		return maxReadAhead
	}
	return min(max(e.MemoryLimit/8/piece*piece, 2*chunk), maxReadAhead)
}
