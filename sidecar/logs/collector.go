package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/sidecar/logs/internal/output"
	"github.com/inith/inith/sidecar/logs/internal/tail"
)

const (
	chunkBytes  = 1 << 20 // of records, before compression, at which a chunk is sent
	inFlight    = 2 * chunkBytes
	maxInFlight = 64 // chunks

	pollEvery     = 250 * time.Millisecond // sizes of files
	scanEvery     = time.Second            // directories
	multilineWait = 2 * time.Second        // after which the last line of a file completes a record
	quietTime     = 200 * time.Millisecond // for which nothing grows at the end of a drain
)

// A Collector sends the lines of files to outputs. It is a [sidecar.Service].
//
// [sidecar.Service]: https://pkg.go.dev/github.com/inith/inith/sidecar#Service
type Collector struct {
	o      Options
	inputs []*input
	sinks  []*sink
	log    *slog.Logger

	buffer   []byte   // what is read
	free     [][]byte // buffers for the entries of chunks
	flying   map[*output.Chunk]delivery
	bytes    int // of the entries of flying chunks
	done     chan *output.Chunk
	unrouted map[string]bool // tags that no output wants

	crashed chan error // an output has
	stop    chan struct{}
	ready   atomic.Pointer[string] // why it is not; "" if it is
	metrics *metrics
}

// A delivery is what a chunk holds of an input.
type delivery struct {
	input *input
	spans []*tail.Span
	bytes int64 // of the files
}

// New checks the options. The files are opened by [Collector.Serve].
func New(o Options) (*Collector, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Flush == 0 {
		o.Flush = time.Second
	}
	c := &Collector{
		o: o, log: o.Logger, flying: map[*output.Chunk]delivery{}, done: make(chan *output.Chunk, maxInFlight),
		unrouted: map[string]bool{}, stop: make(chan struct{}), crashed: make(chan error, len(o.Outputs)),
	}
	longest := 0
	for n, in := range o.Inputs {
		i, err := newInput(in, &c.o, n)
		if err != nil {
			return nil, err
		}
		longest = max(longest, i.limit)
		c.inputs = append(c.inputs, i)
	}
	for _, out := range o.Outputs {
		s, err := newSink(out, &c.o, c.stdout())
		if err != nil {
			return nil, err
		}
		c.sinks = append(c.sinks, s)
	}
	c.buffer = make([]byte, max(chunkBytes, longest+1)+4096)
	c.notReady("it has not read the directories yet")
	c.metrics = newMetrics(c)
	return c, nil
}

func (c *Collector) stdout() output.Output {
	return &output.Lines{W: io.Writer(os.Stdout), Path: "stdout", Logger: c.log}
}

// Gatherer returns the metrics.
func (c *Collector) Gatherer() prometheus.Gatherer { return c.metrics.registry }

// Ready returns nil when the directories can be read. It does not depend on the receiver: the application need not wait
// for that.
func (c *Collector) Ready() error {
	if why := *c.ready.Load(); why != "" {
		return fmt.Errorf("not ready: %s", why)
	}
	return nil
}

func (c *Collector) notReady(why string) { c.ready.Store(&why) }

// Stop ends the drain.
func (c *Collector) Stop() { close(c.stop) }

// Serve follows the files until ctx ends. Then it reads them to their ends, and returns when all lines are acknowledged,
// or after [Collector.Stop].
func (c *Collector) Serve(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	var wg sync.WaitGroup
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		end()
		wg.Wait()
	}()
	for _, i := range c.inputs {
		f, err := tail.New(ctx, i.tail)
		if err != nil {
			return err
		}
		defer f.Close()
		i.follower = f
		wg.Go(func() { relay(working, f.Changed(), changed) })
	}
	for _, s := range c.sinks {
		wg.Go(func() {
			if err := c.deliver(working, s); err != nil {
				c.crashed <- err
			}
		})
	}
	if err := c.follow(ctx, changed); err != nil {
		return err
	}
	return c.drain(context.WithoutCancel(ctx), changed)
}

// deliver runs an output. It returns an error if it crashes.
func (c *Collector) deliver(ctx context.Context, s *sink) (err error) {
	defer crash.Recover(&err)
	s.output.Run(ctx, s.in, c.delivered)
	return nil
}

// relay passes on that something has changed.
func relay(ctx context.Context, from <-chan struct{}, to chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-from:
			select {
			case to <- struct{}{}:
			default:
			}
		}
	}
}

// delivered is called by outputs.
func (c *Collector) delivered(chunk *output.Chunk) {
	if chunk.Pending.Add(-1) == 0 {
		c.done <- chunk // there is room for all that are in flight
	}
}

// follow works until ctx ends, or an output crashes.
func (c *Collector) follow(ctx context.Context, changed <-chan struct{}) error {
	poll := time.NewTicker(min(pollEvery, c.o.Flush))
	defer poll.Stop()
	c.scan(ctx)
	for scanned := time.Now(); ; {
		c.fill(ctx, calm)
		c.metrics.update(c)
		select {
		case <-ctx.Done():
			return nil
		case err := <-c.crashed:
			return err
		case chunk := <-c.done:
			c.acknowledge(ctx, chunk)
		case <-changed:
			c.scan(ctx)
		case <-poll.C:
			if now := time.Now(); now.Sub(scanned) >= scanEvery {
				scanned = now
				c.scan(ctx)
			} else {
				c.poll(ctx, now)
			}
		}
	}
}

// scan looks for files.
func (c *Collector) scan(ctx context.Context) {
	now := time.Now()
	why := ""
	for _, i := range c.inputs {
		i.follower.Scan(ctx, now)
		i.files = i.follower.Files()
		for _, p := range i.tail.Patterns {
			if _, err := os.Stat(p.Root()); err != nil {
				why = fmt.Sprintf("the directory %q cannot be read", p.Root())
			}
		}
	}
	c.notReady(why)
}

func (c *Collector) poll(ctx context.Context, now time.Time) {
	for _, i := range c.inputs {
		i.follower.Poll(ctx, now)
	}
}

// acknowledge takes over what was delivered.
func (c *Collector) acknowledge(ctx context.Context, chunk *output.Chunk) {
	d := c.flying[chunk]
	d.input.follower.Acknowledge(ctx, d.spans)
	c.metrics.acknowledged.Add(float64(d.bytes))
	delete(c.flying, chunk)
	c.bytes -= len(chunk.Entries)
	c.recycle(chunk.Entries)
}
