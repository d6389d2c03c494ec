package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // what net/http wants
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/sidecar/audit/internal/ledger"
	"github.com/inith/inith/sidecar/audit/internal/mask"
)

// A Proxy records what passes between clients and the application. It is a sidecar.Service.
type Proxy struct {
	o       Options
	masker  *mask.Masker
	headers []string // that are recorded
	budget  budget
	metrics *metrics
	http1   *http.Transport
	http2   *http.Transport // without TLS
	buffers sync.Pool
	lines   sync.Pool // of *[]byte, for records
	discard *log.Logger
	ended   chan ended // exchanges whose records are to be made

	writer    *ledger.Writer // set by Serve
	listening atomic.Bool
	exchanges sync.WaitGroup
	cut       atomic.Int64  // exchanges that were cut at the end of a drain
	stop      chan struct{} // closed by Stop
	stopOnce  sync.Once
}

// maxEnded bounds the exchanges whose records are still to be made. Beyond it, their answers do not end.
const maxEnded = 256

// New returns a proxy. Its error says which option is wrong.
func New(o Options) (*Proxy, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Proxy{
		o: o, masker: mask.New(o.Record.Secret), headers: recordedHeaders(o.Record.Headers), budget: budget{limit: o.CaptureMemory}, stop: make(chan struct{}),
		discard: log.New(io.Discard, "", 0), ended: make(chan ended, maxEnded), http1: o.transport(false), http2: o.transport(true),
	}
	p.buffers.New = func() any { b := make([]byte, 8<<10); return &b }
	p.metrics = newMetrics(p)
	return p, nil
}

func (o Options) withDefaults() Options {
	o.MaxConnections = cmp.Or(o.MaxConnections, 1024)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 10*time.Second)
	o.DialTimeout = cmp.Or(o.DialTimeout, 10*time.Second)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, 64<<10)
	o.CaptureMemory = cmp.Or(o.CaptureMemory, 32<<20)
	o.Log.Fsync = cmp.Or(o.Log.Fsync, FsyncSecond)
	o.Log.Policy = cmp.Or(o.Log.Policy, Open)
	if o.Log.Strict {
		o.Log.Policy, o.Log.Fsync = Closed, FsyncEach
	}
	o.Record.Level = cmp.Or(o.Record.Level, Metadata)
	o.Record.BodyLimit = cmp.Or(o.Record.BodyLimit, 256<<10)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o *Options) check() error {
	var errs []error
	for what, address := range map[string]string{"listen": o.Listen, "upstream": o.Upstream} {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			errs = append(errs, errors.New(what+": want an address such as 127.0.0.1:8000"))
		}
	}
	if o.Log.Path == "" {
		errs = append(errs, errors.New("log: want the path of a file"))
	}
	if o.Record.Level.rank() < 0 {
		errs = append(errs, errors.New("level: want none, metadata, request or request-response"))
	}
	if !slices.Contains([]Fsync{FsyncNever, FsyncSecond, FsyncEach}, o.Log.Fsync) {
		errs = append(errs, errors.New("fsync: want never, 1s or each"))
	}
	if o.Log.Policy != Open && o.Log.Policy != Closed {
		errs = append(errs, errors.New("policy: want open or closed"))
	}
	return errors.Join(errs...)
}

// Gatherer returns the metrics.
func (p *Proxy) Gatherer() prometheus.Gatherer { return p.metrics.registry }

// Ready returns nil, or why requests would not be served and recorded.
func (p *Proxy) Ready() error {
	if !p.listening.Load() {
		return errors.New("not listening")
	}
	if p.o.Log.Policy == Closed {
		return p.writer.Err()
	}
	return nil
}

// Stop ends a drain: exchanges that are not complete are cut.
func (p *Proxy) Stop() { p.stopOnce.Do(func() { close(p.stop) }) }

// errStopped is the cause of the end of exchanges that a drain cuts.
var errStopped = errors.New("cut when the time to drain was over")

// Serve serves until ctx ends, then completes what has begun. It can be called once.
func (p *Proxy) Serve(ctx context.Context) error {
	var err error
	if p.writer, err = ledger.Open(p.o.ledger()); err != nil {
		return err
	}
	l, err := listen(ctx, p.o.Listen, p.o.MaxConnections)
	if err != nil {
		return errors.Join(err, p.writer.Close())
	}
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var recorders sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		recorders.Go(p.recordEnded)
	}
	server := p.server(base)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	p.listening.Store(true)
	p.o.Logger.InfoContext(ctx, "listening", "address", l.Addr().String(), "upstream", p.o.Upstream, "log", p.o.Log.Path,
		"audit_level", p.o.Record.Level, "fsync", p.o.Log.Fsync, "on_write_error", p.o.Log.Policy, "strict", p.o.Log.Strict)
	select {
	case err = <-failed:
	case <-p.writer.Ended(): // it crashed: Close says why
	case <-ctx.Done():
	}
	p.listening.Store(false)
	err = errors.Join(err, p.drain(server, base, cancel))
	close(p.ended)
	recorders.Wait()
	return errors.Join(err, p.writer.Close())
}

// recordEnded makes records, until there are no more exchanges.
func (p *Proxy) recordEnded() {
	for x := range p.ended {
		x.record()
	}
}

// drain completes the exchanges that have begun.
func (p *Proxy) drain(server *http.Server, base context.Context, cancel context.CancelCauseFunc) error { //nolint:revive // the parts of one server
	go func() {
		select {
		case <-p.stop:
			cancel(errStopped)
		case <-base.Done():
		}
	}()
	err := server.Shutdown(base)
	if err != nil { // stopped
		err = server.Close()
	}
	p.exchanges.Wait() // those of upgraded connections too, which Shutdown does not know
	if n := p.cut.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d exchanges were cut at the end of the drain", n))
	}
	return err
}

func (o *Options) ledger() ledger.Options {
	return ledger.Options{
		Path: o.Log.Path, Key: o.Log.ChainKey, Sync: ledger.Sync(o.Log.Fsync), MinFree: o.Log.MinFree, Block: o.Log.Policy == Closed,
		RotateSize: o.Log.Size, RotateAge: o.Log.Age, Keep: o.Log.Keep, Logger: o.Logger,
		Start: map[string]any{
			"level": o.Record.Level, "upstream": o.Upstream, "fsync": o.Log.Fsync, "on_write_error": o.Log.Policy, "strict": o.Log.Strict,
		},
	}
}
