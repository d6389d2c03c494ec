package store

import "os"

// A flusher writes pages to the disk behind the hash, so that the last sync is short,
// and frees them where memory is limited.
type flusher struct {
	f    *os.File
	drop bool // the pages, when they are on the disk

	asked int64      // bytes that the flusher was asked to write
	to    chan int64 // nil: it does not run
	done  chan struct{}
}

const flushEvery = 4 * Piece

// Behind says that the bytes before off are needed no more. Where pages are dropped, it
// waits for the disk: a server that is faster would fill the memory.
func (p *Partial) Behind(off int64) { p.flusher.behind(off) }

// Settle ends what Behind has started.
func (p *Partial) Settle() { p.flusher.stop() }

func (f *flusher) behind(off int64) {
	if off-f.asked < flushEvery {
		return
	}
	if f.to == nil {
		f.to, f.done = make(chan int64, 1), make(chan struct{})
		go f.flush()
	}
	if f.drop {
		f.asked = off
		f.to <- off
		return
	}
	select {
	case f.to <- off:
		f.asked = off
	default: // a later call will have these bytes too
	}
}

// flush starts to write what is behind, and drops what it started before: so it does
// not wait for the newest pages.
func (f *flusher) flush() {
	defer close(f.done)
	var started, dropped int64
	for off := range f.to {
		startWrite(f.f, started, off-started)
		if f.drop && started > dropped {
			dropPages(f.f, dropped, started-dropped)
			dropped = started
		}
		started = off
	}
}

func (f *flusher) stop() {
	if f.to != nil {
		close(f.to)
		<-f.done
		f.to = nil
	}
}
