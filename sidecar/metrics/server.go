package metrics

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/statsd_exporter/pkg/event"
	"github.com/prometheus/statsd_exporter/pkg/exporter"
	"github.com/prometheus/statsd_exporter/pkg/mapper"

	"github.com/inith/inith/internal/duration"
)

// A Server receives metrics and serves them. It implements sidecar.Service, sidecar.Readier and sidecar.Stopper.
type Server struct {
	o        Options
	self     *self
	mappings *mappings
	store    *store
	parser   *parser
	queue    *queue
	exporter *exporter.Exporter
	relay    *relay

	state   atomic.Int32
	scraped chan struct{} // a scrape that began after the drain has ended
	stopped chan struct{}
}

// The states of a server.
const (
	starting int32 = iota
	serving
	draining
	drained // all that was received can be scraped
)

// New reads the mapping. It opens no socket.
func New(o Options) (*Server, error) {
	if o.ListenUDP == "" && o.ListenTCP == "" && o.ListenUnixgram == "" {
		return nil, errors.New("no address to receive metrics at: give one of UDP, TCP and unixgram")
	}
	o.setDefaults()
	s := &Server{o: o, self: newSelf(), queue: newQueue(o.QueuePackets), scraped: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.parser = newParser(o.Dialects, s.self)
	s.relay = newRelay(o.Relay, s.self, o.Logger)
	m, err := newMapper(o.Mapping, s.self)
	if err != nil {
		return nil, err
	}
	if s.store, err = newStore(m, o.MaxSeries, s.self, o.Logger); err != nil {
		return nil, err
	}
	s.exporter = &exporter.Exporter{
		Mapper: m, Registry: s.store, Logger: slog.New(slog.DiscardHandler),
		EventsActions: s.self.actions, EventsUnmapped: s.self.unmapped, ErrorEventStats: s.self.eventErrors,
		EventStats: s.self.events, ConflictingEventStats: s.self.conflicts, MetricsCount: s.self.metrics,
	}
	s.mappings = &mappings{file: o.Mapping.File, mapper: m, store: s.store, self: s.self, log: o.Logger}
	if err := s.mappings.load(); err != nil {
		return nil, err
	}
	if err := dump(m, o.Mapping.Dump); err != nil {
		return nil, err
	}
	return s, s.self.registry.Register(s.store)
}

func (o *Options) setDefaults() {
	o.SocketMode = cmp.Or(o.SocketMode, defaultMode)
	o.QueuePackets = cmp.Or(o.QueuePackets, defaultQueuePackets)
	o.MaxSeries = cmp.Or(o.MaxSeries, defaultMaxSeries)
	o.Web.Listen = cmp.Or(o.Web.Listen, defaultWebListen)
	o.Web.Path = cmp.Or(o.Web.Path, defaultWebPath)
	o.Relay.PacketLength = cmp.Or(o.Relay.PacketLength, defaultRelayPacket)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Ready returns nil while metrics are received.
func (s *Server) Ready() error {
	switch s.state.Load() {
	case starting:
		return errors.New("not listening")
	case serving:
		return nil
	default:
		return errors.New("draining")
	}
}

// Stop ends a linger.
func (s *Server) Stop() { close(s.stopped) }

// Serve receives and serves until ctx ends. Then it receives what the kernel still has, and lingers until a scrape has
// seen it.
func (s *Server) Serve(ctx context.Context) error {
	web, err := s.listenWeb(ctx)
	if err != nil {
		return err
	}
	defer web.close(context.WithoutCancel(ctx))
	receivers, err := s.open(ctx)
	if err != nil {
		return err
	}
	receiving, end := context.WithCancelCause(ctx)
	defer end(nil)
	web.serve(end)
	s.state.Store(serving)
	var background sync.WaitGroup
	background.Go(func() { s.mappings.watch(receiving, s.o.Hangups) })
	background.Go(func() { s.expire(receiving) })
	err = s.receive(receiving, end, receivers)
	background.Wait()
	s.state.Store(drained)
	if err == nil {
		s.linger(ctx)
	}
	return err
}

// A receiver is a socket.
type receiver interface {
	// receive receives until ctx ends, and drains. It closes the socket.
	receive(ctx context.Context) error
	close()
}

// receive handles what the sockets receive until ctx ends and nothing is left. A socket that fails ends the others.
func (s *Server) receive(ctx context.Context, end context.CancelCauseFunc, all []receiver) error {
	var receivers, handler, relay sync.WaitGroup
	handler.Go(s.handle)
	relay.Go(func() { s.relay.run(ctx) })
	for _, r := range all {
		receivers.Go(func() {
			if err := r.receive(ctx); err != nil {
				end(&failure{err})
			}
		})
	}
	<-ctx.Done()
	s.state.Store(draining)
	receivers.Wait()
	s.queue.close()
	handler.Wait()
	s.relay.close()
	relay.Wait()
	if f, ok := errors.AsType[*failure](context.Cause(ctx)); ok {
		return f.error
	}
	return nil
}

// A failure is the end of a part of the server that nobody asked for.
type failure struct{ error }

// handle handles what is in the queue until it is closed.
func (s *Server) handle() {
	var spare []byte
	for {
		packets, ok := s.queue.take(spare)
		if !ok {
			return
		}
		s.handlePackets(packets)
		spare = packets
	}
}

// turn is how many lines are handled before a scrape gets its turn.
const turn = 1000

// handlePackets handles lines, each of which ends with a newline.
func (s *Server) handlePackets(packets []byte) {
	lines := 0
	for len(packets) > 0 {
		n, rest := s.handleTurn(packets)
		lines += n
		packets = rest
	}
	s.self.lines.Add(float64(lines))
	s.self.flushed.Inc()
}

// handleTurn handles the lines of a turn, and returns how many they were and what follows them.
func (s *Server) handleTurn(packets []byte) (lines int, rest []byte) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	now := time.Now()
	s.parser.budget = maxBudget
	for lines < turn && len(packets) > 0 {
		end := bytes.IndexByte(packets, '\n')
		if line := packets[:end]; len(line) > 0 {
			s.relay.add(line)
			if !s.store.shortcuts.use(line, s.self, now) {
				s.handleLine(string(line))
			}
		}
		packets = packets[end+1:]
		lines++
	}
	return lines, packets
}

// handleLine takes a line the whole way. The exporter of statsd_exporter handles all events of a channel, and returns when
// that is closed: there is no other way to hand it events, and this one needs no second goroutine.
//
// Nothing that a sender can do is known to make it panic. If there is something, it costs one counter too.
func (s *Server) handleLine(line string) {
	defer func() {
		if recover() != nil {
			s.self.sampleErrors.WithLabelValues("panic").Inc()
		}
	}()
	events := s.parser.parse(line)
	if len(events) == 0 {
		return
	}
	one := make(chan event.Events, 1)
	one <- events
	close(one)
	s.store.last = nil
	s.exporter.Listen(one)
	if s.parser.isSimple() && len(events) == 1 {
		s.store.shortcuts.learn(line, s.store, s.parser.tags.n > 0)
	}
}

// expire removes series whose time to live has passed.
func (s *Server) expire(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.store.mu.Lock()
			s.store.RemoveStaleMetrics()
			s.store.mu.Unlock()
		}
	}
}

// linger waits until somebody has scraped what was drained.
func (s *Server) linger(ctx context.Context) {
	if s.o.Linger <= 0 {
		return
	}
	s.o.Logger.InfoContext(ctx, "drained, waiting for a scrape", "limit", duration.Format(s.o.Linger))
	select {
	case <-s.scraped:
	case <-s.stopped:
	case <-time.After(s.o.Linger):
		s.o.Logger.WarnContext(ctx, "nobody has scraped the last values")
	}
}

// newMapper returns a mapper without mappings.
func newMapper(o Mapping, s *self) (*mapper.MetricMapper, error) {
	m := &mapper.MetricMapper{Registerer: s.registry, MappingsCount: s.mappings, Logger: slog.New(slog.DiscardHandler)}
	cache, err := newCache(o, s)
	if err == nil && cache != nil {
		m.UseCache(cache)
	}
	return m, err
}

// open opens the sockets. If one cannot be opened, it closes those before it.
func (s *Server) open(ctx context.Context) (all []receiver, err error) {
	defer func() {
		if err != nil {
			for _, r := range all {
				r.close()
			}
		}
	}()
	if s.o.ListenUDP != "" {
		r, err := s.listenUDP(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	if s.o.ListenTCP != "" {
		r, err := s.listenTCP(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	if s.o.ListenUnixgram != "" {
		r, err := s.listenUnixgram(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}
