package fetch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/retry"
)

// shared is what the transfers of a fetcher have in common.
type shared struct {
	mu      sync.Mutex
	hosts   map[string]*host
	clients map[string]*http.Client // by origin
	limiter *rate.Limiter
	states  *store.Store
	unsafe  sync.Once // that the state cannot be trusted is reported
	buffers sync.Pool
}

// Open checks what is asked for. Nothing is read, written or sent. Its errors are
// mistakes of the caller's, and quote no secret.
func (f *Fetcher) Open(file File) (*Transfer, error) {
	if err := f.TLS.Check(); err != nil {
		return nil, err
	}
	t := &Transfer{file: file, fetcher: f, log: cmp.Or(f.Logger, slog.New(slog.DiscardHandler))}
	t.size.Store(-1)
	for _, u := range append([]*url.URL{file.URL}, file.Mirrors...) {
		if err := checkURL(u); err != nil {
			return nil, err
		}
		t.sources = append(t.sources, newWeb(f, &t.file, u, t.note))
	}
	if file.SumsURL != nil {
		if err := checkURL(file.SumsURL); err != nil {
			return nil, err
		}
	}
	return t, t.settle()
}

func checkURL(u *url.URL) error {
	switch {
	case u == nil:
		return errors.New("no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("want an http or https URL, not" + cmp.Or(redact.Quoted(u.Scheme), " another"))
	case u.Hostname() == "":
		return errors.New("the URL has no host")
	default:
		return nil
	}
}

// settle decides where the file goes.
func (t *Transfer) settle() error {
	dest := t.file.Dest
	switch {
	case dest == "":
		return errors.New("no destination")
	case dest == "-" && t.file.Extract:
		return errors.New("an archive is extracted into a folder, not to the standard output")
	case dest == "-" && len(t.file.Mirrors) > 0:
		return errors.New("mirrors are for files: what was written to the standard output cannot be taken back")
	case dest == "-":
		return nil
	}
	name := path.Base(t.file.URL.Path)
	there := fileInfo(os.Stat(dest))
	if !t.file.Extract && (os.IsPathSeparator(dest[len(dest)-1]) || there != nil && there.IsDir()) {
		if name == "/" || name == "." || name == ".." {
			return errors.New("the URL has no file name: name the destination file")
		}
		dest = filepath.Join(dest, name)
		there = fileInfo(os.Stat(dest))
	}
	switch {
	case there == nil:
	case there.IsDir() && !t.file.Extract:
		return errors.New("the destination is a folder")
	case !there.IsDir() && t.file.Extract:
		return errors.New("the destination is not a folder, and an archive is extracted into one")
	case t.file.Extract && store.MountPoint(dest):
		return errors.New("the destination is a mount point, whose place no folder can take: name a folder in it")
	case !there.IsDir() && !there.Mode().IsRegular():
		return errors.New("the destination is not a regular file: it is never replaced")
	}
	t.dest = t.fetcher.state().Destination(dest)
	return nil
}

// fileInfo drops the error of a stat: there is no file then.
func fileInfo(i fs.FileInfo, err error) fs.FileInfo {
	if err != nil {
		return nil
	}
	return i
}

func (f *Fetcher) state() *store.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.states == nil {
		f.states = &store.Store{MemoryLimit: f.MemoryLimit, MemoryFree: f.MemoryFree, DiskLimit: f.DiskLimit}
	}
	return f.states
}

func (f *Fetcher) connections() int            { return cmp.Or(f.Connections, DefaultConnections) }
func (f *Fetcher) stall() time.Duration        { return cmp.Or(f.Stall, DefaultStall) }
func (f *Fetcher) retryMaxWait() time.Duration { return cmp.Or(f.RetryMaxWait, DefaultRetryMaxWait) }

// host returns the count of connections to a host.
func (f *Fetcher) host(name string) *host {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hostLocked(name)
}

func (f *Fetcher) hostLocked(name string) *host {
	if f.hosts == nil {
		f.hosts = map[string]*host{}
	}
	if f.hosts[name] == nil {
		f.hosts[name] = newHost(f.connections())
	}
	return f.hosts[name]
}

// buffer returns a buffer, which free takes back.
func (f *Fetcher) buffer() []byte {
	if b, ok := f.buffers.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, bufferSize)
}

func (f *Fetcher) free(b []byte) {
	b = b[:cap(b)]
	f.buffers.Put(&b)
}

// pauses returns the pauses between the attempts of one worker.
func (f *Fetcher) pauses() backoff.BackOff {
	longest := f.retryMaxWait()
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(500*time.Millisecond, longest)), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(longest), backoff.WithRandomizationFactor(0.5), backoff.WithMaxElapsedTime(0))
}

// limit waits until n more bytes may have come.
func (f *Fetcher) limit(ctx context.Context, n int) error {
	return retry.Sleep(ctx, f.pauseAfter(n))
}

// pauseAfter returns for how long nothing more may come after n bytes.
func (f *Fetcher) pauseAfter(n int) time.Duration {
	if f.RateLimit <= 0 {
		return 0
	}
	f.mu.Lock()
	if f.limiter == nil {
		f.limiter = rate.NewLimiter(rate.Limit(f.RateLimit), bufferSize)
	}
	f.mu.Unlock()
	return f.limiter.ReserveN(time.Now(), n).Delay()
}

// window returns how far bytes may come ahead of the hash: less where memory is
// limited, since pages that wait for the disk count.
func (f *Fetcher) window() int64 {
	if f.MemoryLimit <= 0 {
		return maxWindow
	}
	return min(max(f.MemoryLimit/8/unit*unit, 2*chunk), maxWindow)
}

// drops reports whether pages are better given back when they are on the disk. A
// limit that holds the file twice lets the application read it from memory.
func (f *Fetcher) drops(size int64) bool {
	return f.MemoryLimit > 0 && f.MemoryLimit < 2*size
}
