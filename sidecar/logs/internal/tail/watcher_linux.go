package tail

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A watcher reports when files are created, renamed or deleted in directories. It does not watch writes: a file that is
// written to all the time would wake it all the time.
type watcher struct {
	changed chan struct{}
	f       *os.File // inotify(7); nil where there is none
	wg      sync.WaitGroup

	mu          sync.Mutex
	directories map[int32]string // by the descriptor of their watch
	renames     []rename
}

const watched = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR

func newWatcher(ctx context.Context, log *slog.Logger, off bool) *watcher {
	w := &watcher{changed: make(chan struct{}, 1), directories: map[int32]string{}}
	fd, err := -1, error(unix.ENOSYS)
	if !off {
		fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	}
	if err != nil {
		log.WarnContext(ctx, "directories are only read each second: a file that is renamed sooner is lost", "err", err)
		return w
	}
	w.f = os.NewFile(uintptr(fd), "inotify")
	w.wg.Go(w.run)
	return w
}

// add watches a directory. It may be called again, also if another directory has taken its place.
func (w *watcher) add(dir string) {
	if w.f == nil {
		return
	}
	raw, err := w.f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		wd, err := unix.InotifyAddWatch(int(fd), dir, watched)
		if err != nil {
			return // it is missing, or there are too many: the scan each second remains
		}
		w.mu.Lock()
		w.directories[int32(wd)] = dir //nolint:gosec // the kernel's own type
		w.mu.Unlock()
	})
}

func (w *watcher) run() {
	buf := make([]byte, 64<<10)
	from, cookie := "", uint32(0) // of a rename whose new name comes next
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			var e event
			e, rest = w.next(rest)
			switch {
			case e.mask&unix.IN_MOVED_FROM != 0:
				from, cookie = e.name, e.cookie
			case e.mask&unix.IN_MOVED_TO != 0 && from != "" && e.cookie == cookie:
				w.note(rename{from, e.name})
				from = ""
			}
		}
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// An event is one that the kernel has sent.
type event struct {
	mask, cookie uint32
	name         string // path of the entry
}

// next takes an event off b, as inotify(7) describes it.
func (w *watcher) next(b []byte) (e event, rest []byte) {
	wd := int32(binary.NativeEndian.Uint32(b)) //nolint:gosec // the kernel's own type
	e.mask, e.cookie = binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])
	end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])), len(b))
	w.mu.Lock()
	defer w.mu.Unlock()
	e.name = filepath.Join(w.directories[wd], strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00"))
	if e.mask&unix.IN_IGNORED != 0 {
		delete(w.directories, wd)
	}
	return e, b[end:]
}

// note remembers a rename for the next scan.
func (w *watcher) note(r rename) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.renames) < maxRenames {
		w.renames = append(w.renames, r)
	}
}

// take returns the renames since the last call.
func (w *watcher) take() []rename {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.renames
	w.renames = nil
	return all
}

func (w *watcher) close() {
	if w.f != nil {
		_ = w.f.Close()
	}
	w.wg.Wait()
}
