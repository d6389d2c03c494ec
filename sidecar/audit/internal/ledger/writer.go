package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/usererr"
)

// A Writer appends lines to a log. One goroutine writes: lines that arrive meanwhile share its next write and sync.
type Writer struct {
	o       Options
	queue   chan entry
	closing chan struct{}
	ended   chan struct{} // the goroutine that writes has returned
	once    sync.Once
	wg      sync.WaitGroup
	fault   atomic.Pointer[fault]
	crashed error // of the loop, after wg
	count   struct{ written, lost, errors, reopened, rotated, bytes atomic.Int64 }

	state // of the loop alone
}

// An entry is a line to write.
type entry struct {
	object []byte
	done   func(error)
}

// A fault is why lines cannot be written at the moment.
type fault struct{ err error }

// The errors for lines that are lost without being tried.
var (
	ErrFull   = errors.New("the queue of the log is full")
	ErrClosed = errors.New("the log is closed")
)

const (
	queueLength = 4096
	maxBatch    = 1 << 20 // bytes of a write
	gatherTime  = 2 * time.Millisecond
)

// Open opens a log and continues its chain. A volume that is full, read-only or failing is no error here but a fault of the
// writer, which it leaves as soon as it can.
func Open(o Options) (*Writer, error) {
	w := &Writer{o: o, queue: make(chan entry, queueLength), closing: make(chan struct{}), ended: make(chan struct{})}
	w.opening = &opening{event: "start"}
	if err := w.open(); err != nil && !isFault(err) {
		return nil, w.explain(err)
	}
	w.commit(nil)
	w.wg.Go(func() {
		defer w.abandon()
		defer crash.Recover(&w.crashed)
		w.loop()
	})
	return w, nil
}

// abandon ends what is still queued, and what will be.
func (w *Writer) abandon() {
	close(w.ended)
	for len(w.queue) > 0 {
		(<-w.queue).done(ErrClosed)
	}
}

// Ended is closed when nothing is written any more: after Close, or after a crash, which Close returns.
func (w *Writer) Ended() <-chan struct{} { return w.ended }

// isFault reports whether the volume is at fault, rather than the configuration.
func isFault(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO)
}

// explain returns an error with the path, and a hint.
func (w *Writer) explain(err error) error {
	local := usererr.Local(err)
	hint := local.Hint
	if errors.Is(err, syscall.ENOENT) {
		hint = "mount a volume at " + filepath.Dir(w.o.Path)
	}
	return &usererr.Error{Text: fmt.Sprintf("log %s: %s", w.o.Path, local.Text), Hint: hint, Err: err}
}

// Append queues a line, given as a JSON object with at least one field. Then done is called, once, with nil when the line
// is in the kernel, soon after (with [SyncEach]: on the disk), and with an error when it is lost.
func (w *Writer) Append(object []byte, done func(error)) {
	err := w.enqueue(entry{object, done})
	if err != nil {
		w.lose(1)
		done(err)
	}
}

func (w *Writer) enqueue(e entry) error {
	select {
	case <-w.ended:
		return ErrClosed
	case w.queue <- e:
		return nil
	default:
	}
	if !w.o.Block {
		return ErrFull
	}
	select {
	case <-w.ended:
		return ErrClosed
	case w.queue <- e:
		return nil
	}
}

// Err returns nil, or why lines cannot be written at the moment.
func (w *Writer) Err() error {
	if f := w.fault.Load(); f != nil {
		return f.err
	}
	return nil
}

// Stats returns the counts so far.
func (w *Writer) Stats() Stats {
	c := &w.count
	return Stats{
		Written: c.written.Load(), Lost: c.lost.Load(), Errors: c.errors.Load(), Reopened: c.reopened.Load(),
		Rotated: c.rotated.Load(), Bytes: c.bytes.Load(),
	}
}

// Close writes what is queued and a last line, and syncs. Its error says how many lines were lost since the start.
func (w *Writer) Close() error {
	w.once.Do(func() { close(w.closing) })
	w.wg.Wait()
	err := w.crashed
	if lost := w.count.lost.Load(); lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d lines of the log %s could not be written", lost, w.o.Path))
	}
	return err
}

// Lose counts a line that could not even be made. The next line says so.
func (w *Writer) Lose() { w.lose(1) }

func (w *Writer) lose(n int) {
	w.count.lost.Add(int64(n))
	w.unreported.Add(int64(n))
}

// loop writes until the writer is closed.
func (w *Writer) loop() {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case e := <-w.queue:
			if w.o.Sync != SyncEach { // nobody waits for the line
				<-time.After(gatherTime)
			}
			w.commit(w.collect(e))
		case <-second.C:
			w.check()
		case <-w.closing:
			w.finish()
			return
		}
	}
}

// collect returns an entry and those that wait behind it.
func (w *Writer) collect(e entry) []entry {
	batch := []entry{e}
	for size := len(e.object); size < maxBatch; {
		select {
		case e := <-w.queue:
			batch = append(batch, e)
			size += len(e.object)
		default:
			return batch
		}
	}
	return batch
}

// finish writes what is queued, and the last line.
func (w *Writer) finish() {
	for len(w.queue) > 0 {
		w.commit(w.collect(<-w.queue))
	}
	w.commit([]entry{{object: event("stop", nil), done: func(error) {}}})
	if w.file != nil {
		_ = w.sync()
		_ = w.file.Close()
	}
}
