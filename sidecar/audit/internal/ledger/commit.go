package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// A state is what the goroutine of a writer keeps.
type state struct {
	file       *file // nil while it cannot be opened
	chain      chain
	started    bool         // the chain is known
	opening    *opening     // the line that a file just opened still has to get
	unreported atomic.Int64 // lost lines that no line reports yet
	dirty      bool         // there is something to sync
	lines      []byte       // of the last write: memory for the next one
	tidying    chan struct{}
}

// maxLines is how much memory is kept for the lines of the next write, in bytes.
const maxLines = 256 << 10

// An opening is the line that begins a start, or a file.
type opening struct {
	event, reason string
	torn          *torn
	newline       bool // the file ends without one
}

// event returns the object of a line of the log's own.
func event(name string, fields map[string]any) []byte {
	all := map[string]any{"event": name, "time": time.Now().UTC().Format(time.RFC3339Nano)}
	maps.Copy(all, fields)
	b, err := json.Marshal(all)
	if err != nil {
		b = []byte(`{"event":"` + name + `"}`)
	}
	return b
}

// open opens the file. The chain continues where the process left it, else where the files end.
func (w *Writer) open() error {
	f, end, err := openFile(w.o.Path)
	if err != nil {
		return err
	}
	w.file = f
	if w.opening == nil {
		w.opening = &opening{event: "reopen"}
	}
	w.opening.torn, w.opening.newline = end.torn, end.torn != nil || end.open
	if !w.started {
		w.started, w.chain = true, end.chain()
		if !end.valid {
			w.chain = lastChain(w.o.Path)
		}
		w.tidy()
	}
	return nil
}

// commit writes a batch, after what the log itself has to say. It does not return an error: it gives it to those who wait.
func (w *Writer) commit(batch []entry) {
	err := w.usable()
	if err == nil {
		err = w.write(batch)
	}
	if err != nil {
		w.lose(len(batch))
	} else if w.o.Sync == SyncEach {
		err = w.sync()
	}
	w.note(err)
	for _, e := range batch {
		e.done(err)
	}
	w.rotateIfDue()
}

// usable opens the file if it is not open, and looks at the free space.
func (w *Writer) usable() error {
	if w.file == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	return w.file.checkSpace(w.o.MinFree)
}

// write makes lines of objects and writes them at once. The chain advances only if all of them are written.
func (w *Writer) write(batch []entry) error {
	lines, next, written := w.lines[:0], w.chain, 0
	add := func(object []byte) {
		lines, next = next.next(lines, object, w.o.Key)
		written++
	}
	if o := w.opening; o != nil {
		if o.newline {
			lines = append(lines, '\n')
		}
		add(event(o.event, o.fields(w.o.Start)))
	}
	lost := w.unreported.Load()
	if lost > 0 {
		add(event("lost", map[string]any{"count": lost}))
	}
	for _, e := range batch {
		add(e.object)
	}
	if written == 0 {
		return nil
	}
	if w.lines = lines; cap(lines) > maxLines {
		w.lines = nil
	}
	if err := w.file.write(lines); err != nil {
		w.reopenIfTorn(err)
		return err
	}
	if w.file.first == 0 {
		w.file.first, w.file.since = w.chain.seq+1, time.Now()
	}
	w.chain, w.opening, w.dirty = next, nil, true
	w.unreported.Add(-lost)
	w.count.written.Add(int64(written))
	w.count.bytes.Add(int64(len(lines)))
	return nil
}

// fields returns those of the line that begins a start or a file.
func (o *opening) fields(start map[string]any) map[string]any {
	all := map[string]any{}
	if o.event == "start" {
		maps.Copy(all, start)
	}
	if o.reason != "" {
		all["reason"] = o.reason
	}
	if o.torn != nil {
		all["torn"] = o.torn
	}
	return all
}

// reopenIfTorn closes a file that ends with a part of a line: opening it again finds that part, and marks it.
func (w *Writer) reopenIfTorn(err error) {
	if _, ok := err.(*tornError); ok { //nolint:errorlint // write returns it as it is
		w.reopen("torn")
	}
}

// reopen closes the file. The next line opens it again.
func (w *Writer) reopen(reason string) {
	_ = w.file.Close()
	w.file = nil
	w.count.reopened.Add(1)
	if w.opening == nil {
		w.opening = &opening{event: "reopen", reason: reason}
	}
	w.o.log().Warn("the log is opened again", "path", w.o.Path, "reason", reason)
}

func (w *Writer) sync() error {
	if !w.dirty || !w.file.regular {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.dirty = false
	return nil
}

// note keeps the outcome of a write, and logs what is new.
func (w *Writer) note(err error) {
	was := w.fault.Load()
	if err == nil {
		if w.fault.Store(nil); was != nil {
			w.o.log().Info("the log can be written again", "path", w.o.Path, "lost", w.count.lost.Load())
		}
		return
	}
	w.count.errors.Add(1)
	now := usererr.Local(err)
	now.Text = fmt.Sprintf("log %s: %s", w.o.Path, now.Text)
	if was == nil || was.err.Error() != now.Text {
		w.o.log().Error("the log cannot be written", "path", w.o.Path, "err", now.Text, "hint", now.Hint)
	}
	w.fault.Store(&fault{now})
}

// check looks, once a second, after what no line does.
func (w *Writer) check() {
	if w.file != nil {
		if reason := w.file.changed(); reason != "" {
			w.reopen(reason)
		}
	}
	if w.file == nil || w.fault.Load() != nil || w.o.MinFree > 0 || w.unreported.Load() > 0 {
		w.commit(nil)
	}
	if w.o.Sync == SyncSecond && w.file != nil {
		if err := w.sync(); err != nil {
			w.note(err)
		}
	}
	w.rotateIfDue()
}

// rotateIfDue closes the file if it is large or old enough. The next line opens a new one.
func (w *Writer) rotateIfDue() {
	f := w.file
	if f == nil || !f.regular || f.first == 0 || w.fault.Load() != nil {
		return
	}
	large := w.o.RotateSize > 0 && f.size >= w.o.RotateSize
	old := w.o.RotateAge > 0 && time.Since(f.since) >= w.o.RotateAge
	if !large && !old || f.changed() != "" {
		return
	}
	if err := w.rotate(f); err != nil {
		w.note(err)
	}
}

func (w *Writer) rotate(f *file) error {
	if err := w.sync(); err != nil {
		return err
	}
	if err := renameNew(f.Name(), closedName(w.o.Path, f.first, f.since)); err != nil {
		return err
	}
	_ = f.Close()
	w.file = nil
	w.count.rotated.Add(1)
	w.opening = &opening{event: "reopen", reason: "rotated"}
	w.tidy()
	return atomicfile.SyncFolder(filepath.Dir(f.Name()))
}

// tidy compresses and removes closed files, in the background.
func (w *Writer) tidy() {
	before, done := w.tidying, make(chan struct{})
	w.tidying = done
	w.wg.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		w.o.tidy(w.closing)
	})
}
