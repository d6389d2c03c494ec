package fetch

import "sync"

// A flusher writes pages to the disk behind the hash, so that the last fsync is
// short, and where memory is limited, gives them back.
type flusher struct {
	drop bool // the pages, when they are on the disk

	once sync.Once
	to   chan int64
	done chan struct{}
}

const flushEvery = chunk

// behind says that the bytes before off are needed no more.
func (p *partial) behind(off int64) {
	p.once.Do(func() {
		p.to, p.done = make(chan int64, 1), make(chan struct{})
		go p.flush()
	})
	select {
	case p.to <- off:
	default: // the disk is slow: a later call will have this one's bytes too
	}
}

// flush starts to write what is behind, and drops what it started before: so it
// does not wait for the newest pages.
func (p *partial) flush() {
	defer close(p.done)
	var started, dropped int64
	for off := range p.to {
		if off-started < flushEvery {
			continue
		}
		startWrite(p.f, started, off-started)
		if p.drop && started > dropped {
			dropPages(p.f, dropped, started-dropped)
			dropped = started
		}
		started = off
	}
}

// stop ends the flusher, if it runs.
func (p *partial) stop() {
	p.once.Do(func() {})
	if p.to != nil {
		close(p.to)
		<-p.done
		p.to = nil
	}
}
