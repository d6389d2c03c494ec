package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Progress is how far a job is. It is made by [NewProgress], and safe for concurrent use.
type Progress struct {
	streams atomic.Int64 // connections held
	size    atomic.Int64
	present atomic.Int64 // bytes of earlier runs
	fetched atomic.Int64 // bytes that came, also those that were fetched again
	done    atomic.Int64 // bytes that are present, while there are no ranges
	came    atomic.Int64 // bytes that came, also those that were of no use
	cached  atomic.Int64 // bytes that came from a cache
	retries atomic.Int64
	last    atomic.Int64 // when the last byte came, in Unix nanoseconds
	excused atomic.Bool  // bytes were not waited for

	mu       sync.Mutex // of what follows
	err      error      // the last that led to a retry
	forgiven int        // refusals since the last byte
	ranges   *ranges    // of the download under way
}

// A Snapshot is a progress at a moment.
type Snapshot struct {
	Size        int64 // bytes; -1: not known
	Done        int64 // bytes that are present, those of earlier runs included
	Fetched     int64 // bytes that came over the network
	Present     int64 // bytes of earlier runs
	Cached      int64 // bytes that came from a cache
	Connections int   // in use
	Retries     int
	Err         error // the last that led to a retry; nil: none
}

// NewProgress returns that of an object of which nothing is known.
func NewProgress() *Progress {
	p := &Progress{}
	p.size.Store(-1)
	return p
}

// Snapshot returns how far the job is.
func (p *Progress) Snapshot() Snapshot {
	s := Snapshot{
		Size: p.size.Load(), Done: p.done.Load(), Fetched: p.fetched.Load(), Present: p.present.Load(), Cached: p.cached.Load(),
		Retries: int(p.retries.Load()),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Err = p.err
	if p.ranges != nil {
		s.Done, _ = p.ranges.done()
		s.Connections = p.ranges.busy()
	}
	return s
}

// Skipped says that an object of this size is present already.
func (p *Progress) Skipped(size int64) {
	p.size.Store(size)
	p.present.Store(size)
	p.done.Store(size)
}

// Cached says that n bytes of an object of this size have come from a cache.
func (p *Progress) Cached(n, size int64) {
	p.size.Store(size)
	p.cached.Store(n)
	p.done.Store(n)
}

// Note keeps the last error that leads to a retry.
func (p *Progress) Note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *Progress) lastError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// follow takes how far the job is from the ranges of a download, until release.
func (p *Progress) follow(r *ranges) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ranges = r
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		n, _ := r.done()
		p.done.Store(n)
		p.ranges = nil
	}
}

// moved says that bytes came.
func (p *Progress) moved() { p.last.Store(time.Now().UnixNano()) }

// excuse says that no bytes can be expected now.
func (p *Progress) excuse() {
	p.moved()
	p.excused.Store(true)
}

// hashing reports whether no bytes come since those that are present are hashed first.
func (p *Progress) hashing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ranges != nil && p.ranges.hashing()
}

func (p *Progress) idle() time.Duration { return time.Since(time.Unix(0, p.last.Load())) }

// mayForgive reports whether to try again after a refusal: of a file that has been given
// until now, one answer among many may be wrong.
func (p *Progress) mayForgive(progress bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if progress {
		p.forgiven = 0
	}
	p.forgiven++
	return p.fetched.Load() > 0 && p.forgiven <= 2
}
