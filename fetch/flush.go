package fetch

// A flusher writes pages to the disk behind the hash, so that the last fsync is
// short, and where memory is limited, gives them back.
type flusher struct {
	drop bool // the pages, when they are on the disk

	told int64      // bytes that the flusher has been told of
	to   chan int64 // nil: it does not run
	done chan struct{}
}

const flushEvery = chunk

// behind says that the bytes before off are needed no more. Where pages are
// dropped, it waits for the disk: a server that is faster would fill the memory.
func (p *partial) behind(off int64) {
	if off-p.told < flushEvery {
		return
	}
	if p.to == nil {
		p.to, p.done = make(chan int64, 1), make(chan struct{})
		go p.flush()
	}
	if p.drop {
		p.told = off
		p.to <- off
		return
	}
	select {
	case p.to <- off:
		p.told = off
	default: // a later call will have these bytes too
	}
}

// flush starts to write what is behind, and drops what it started before: so it
// does not wait for the newest pages.
func (p *partial) flush() {
	defer close(p.done)
	var started, dropped int64
	for off := range p.to {
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
	if p.to != nil {
		close(p.to)
		<-p.done
		p.to = nil
	}
}
