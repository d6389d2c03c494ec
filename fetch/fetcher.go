package fetch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// A Fetcher fetches files. The zero value is ready to use. Its transfers share its
// connections. It must not be copied, nor its fields changed, after first use.
type Fetcher struct {
	Connections  int           // maximum to one host; zero: 16
	StallTimeout time.Duration // give up when no byte came for so long; zero: 2m, negative: never
	RetryMaxWait time.Duration // the longest pause between attempts, whatever a server asks for; zero: 30s
	IdleTimeout  time.Duration // a connection without a byte for so long is replaced; zero: 20s
	HeaderWait   time.Duration // a request without an answer for so long is sent again, and the first answer counts; zero: 30s
	MinRate      int64         // give up when fewer bytes per second of a file come over a minute; zero: 1 KiB, negative: never
	RateLimit    int64         // bytes per second over all connections; zero: none
	StartJitter  time.Duration // the first request is sent after a random time up to this, so that many fetchers do not ask at once; zero: at once
	MaxSize      int64         // bytes that a file may have, also if the server does not say how many it has; zero: any number

	TLS   TLS
	Hub   Hub
	S3    S3
	OCI   OCI
	GCS   GCS
	Azure Azure
	Proxy func(target *url.URL) (*url.URL, error) // nil: none

	// Cache is a directory that keeps files by their digests, for all processes of a node; "": none. CacheMax bounds the
	// bytes in it; zero: no limit. Where it cannot be used, files are fetched without it.
	Cache    string
	CacheMax int64

	MemoryLimit int64        // bytes that the cgroup allows; zero: no limit
	MemoryFree  int64        // bytes of these that nobody uses
	DiskLimit   int64        // bytes that may be written in total, where a quota is known; zero: none
	Stdout      io.Writer    // for Dest "-"
	Logger      *slog.Logger // nil: none

	once     sync.Once
	parts    parts
	unsafe   atomic.Bool // it was reported that the state cannot be trusted
	uncached atomic.Bool // it was reported that the cache cannot be used
}

// parts are what a Fetcher consists of.
type parts struct {
	engine  *engine.Engine
	network *source.Network
	store   *store.Store
	cache   *store.Cache // nil: none
}

func (f *Fetcher) rooms() parts {
	f.once.Do(func() {
		e := &engine.Engine{
			Connections: f.Connections, StallTimeout: f.StallTimeout, RetryMaxWait: f.RetryMaxWait, IdleTimeout: f.IdleTimeout,
			MinRate: f.MinRate, RateLimit: f.RateLimit, MemoryLimit: f.MemoryLimit, StartJitter: f.StartJitter,
		}
		f.parts = parts{
			engine: e,
			network: &source.Network{
				Connections: f.Connections, HeaderWait: f.HeaderWait, TLS: f.TLS, Hub: f.Hub, S3: f.S3, OCI: f.OCI, GCS: f.GCS, Azure: f.Azure,
				Proxy: f.Proxy, Wrap: e.Wrap,
			},
			store: &store.Store{MemoryLimit: f.MemoryLimit, MemoryFree: f.MemoryFree, DiskLimit: f.DiskLimit},
		}
		if f.Cache != "" {
			f.parts.cache = newCache(f.Cache, f.CacheMax, &store.Store{MemoryLimit: f.MemoryLimit, MemoryFree: f.MemoryFree})
		}
	})
	return f.parts
}

// Open checks what is asked for, and the files of headers and tokens that exist. Nothing
// is written or sent. Its errors are the caller's fault, and quote no secret.
func (f *Fetcher) Open(file File) (*Transfer, error) {
	if err := f.TLS.Check(); err != nil {
		return nil, err
	}
	if file.Evidence == EvidencePinned && file.Digest == (Digest{}) {
		return nil, errors.New("evidence pinned: no digest is given to compare with (sha256, digest)")
	}
	t := &Transfer{
		file: file, fetcher: f, log: cmp.Or(f.Logger, slog.New(slog.DiscardHandler)),
		urls: append([]*url.URL{file.URL}, file.Mirrors...), progress: engine.NewProgress(),
	}
	asked := t.urls
	if file.SumsURL != nil {
		asked = append(slices.Clip(asked), file.SumsURL)
	}
	for i, u := range asked {
		if err := f.rooms().network.Check(u); err != nil {
			return nil, err
		}
		if i > 0 && source.IsDirectory(u) {
			return nil, fmt.Errorf("%s means a directory: a mirror and a list of digests are files", nameOf(u))
		}
	}
	if err := t.credentials().Check(); err != nil {
		return nil, err
	}
	path, err := resolveDest(file)
	if err != nil {
		return nil, err
	}
	switch {
	case path != "" && file.Extract && store.MountPoint(path):
		t.dest = f.rooms().store.Inside(path)
	case path != "":
		t.dest = f.rooms().store.Destination(path)
	}
	return t, nil
}
