package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// A model is an application that streams answers.
type model struct {
	events int
	epoch  time.Time // that the times in events are relative to: application and client are one process
	server *http.Server
	ended  chan time.Time // when the last answer did
	held   sync.WaitGroup // answers that have reached their middle
	hold   chan struct{}  // closed to let them end
}

const (
	between   = 2 * time.Millisecond // two events
	heldOpen  = 256                  // exchanges at once
	holdQuery = "?hold"
)

func startModel(ctx context.Context, events int) (m *model, address string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	m = &model{events: events, epoch: time.Now(), ended: make(chan time.Time, 1), hold: make(chan struct{})}
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go func() { _ = m.server.Serve(l) }()
	return m, l.Addr().String(), nil
}

// ServeHTTP answers with a stream of events, each of which says when it was sent.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	event := func(content string) {
		fmt.Fprintf(w, `data: {"id":"chatcmpl-1","model":"llama-3-8b","choices":[{"index":0,"delta":{"content":%q}}],"sent":%d}`+"\n\n", content, time.Since(m.epoch))
		_ = out.Flush()
	}
	if r.URL.RawQuery != "" {
		event(strings.Repeat("word ", 64<<10/5))
		m.held.Done()
		<-m.hold
		return
	}
	for range m.events {
		event(" and it then sends")
		time.Sleep(between) //nolint:forbidigo // what a model takes for a token
	}
	m.ended <- time.Now()
}

// A stream is what was measured of one answer, in ms.
type stream struct {
	*proxy

	round              int
	event, slow, ended float64 // delay of the median event, of the slowest of 100, of the end
}

// measureStreams measures by how much the proxies delay events.
func (b *bench) measureStreams(ctx context.Context) error {
	m, address, err := startModel(ctx, b.events)
	if err != nil {
		return err
	}
	defer func() { _ = m.server.Close() }()
	defer b.stopProxies() // also those that have started before one that does not
	if err := b.startProxies(ctx, address); err != nil {
		return err
	}
	all := slices.Concat([]*proxy{{name: direct, address: address}}, b.proxies)
	var streams []stream
	for round := range b.rounds + 1 { // the first warms up
		for _, i := range rand.Perm(len(all)) {
			s, err := m.read(ctx, all[i])
			s.round = round
			switch {
			case err != nil && all[i].name == inith:
				return fmt.Errorf("stream through %s: %w", all[i].title(), err)
			case err != nil:
				fmt.Fprintf(b.out, "stream through %s, left out: %v\n", all[i].title(), err)
			case round > 0:
				streams = append(streams, s)
			}
		}
	}
	b.reportStreams(all, streams)
	return nil
}

// post asks the model a question.
func post(ctx context.Context, url, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // the benchmark's own
	if err == nil && res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	return res, err
}

// read reads an answer, and measures how late its events arrive.
func (m *model) read(ctx context.Context, p *proxy) (stream, error) {
	s := stream{proxy: p}
	res, err := post(ctx, "http://"+p.address+"/v1/chat/completions", question())
	if err != nil {
		return s, err
	}
	defer func() { _ = res.Body.Close() }()
	var delays []float64
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		_, sent, ok := strings.Cut(lines.Text(), `"sent":`)
		if !ok {
			continue
		}
		var at time.Duration
		if _, err := fmt.Sscan(strings.TrimSuffix(sent, "}"), (*int64)(&at)); err != nil {
			return s, err
		}
		delays = append(delays, milliseconds(time.Since(m.epoch)-at))
	}
	if err := lines.Err(); err != nil {
		return s, err
	}
	if len(delays) != m.events {
		return s, fmt.Errorf("%d events of %d", len(delays), m.events)
	}
	s.ended = milliseconds(time.Since(<-m.ended))
	slices.Sort(delays)
	s.event, s.slow = report.Median(delays), delays[len(delays)*99/100]
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureOpen holds exchanges open, each with a request of 32 KiB and 64 KiB of an answer.
func (b *bench) measureOpen(ctx context.Context) error {
	m, address, err := startModel(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { _ = m.server.Close() }()
	defer b.stopProxies() // also those that have started before one that does not
	if err := b.startProxies(ctx, address); err != nil {
		return err
	}
	resident := map[*proxy]float64{}
	for _, p := range b.proxies {
		if err := m.holdOpen(ctx, p, func() { resident[p] = p.memory("VmRSS") }); err != nil {
			return err
		}
	}
	b.reportOpen(resident)
	return nil
}

// holdOpen calls then when all exchanges are open.
func (m *model) holdOpen(ctx context.Context, p *proxy, then func()) error {
	m.hold = make(chan struct{})
	m.held.Add(heldOpen)
	failed := make(chan error, heldOpen)
	var clients sync.WaitGroup
	for range heldOpen {
		clients.Go(func() {
			res, err := post(ctx, "http://"+p.address+"/v1/chat/completions"+holdQuery, `{"model":"llama-3-8b","prompt":"`+strings.Repeat("a b ", 8<<10)+`"}`)
			if err != nil {
				failed <- err
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		})
	}
	held := make(chan struct{})
	go func() { m.held.Wait(); close(held) }()
	select {
	case err := <-failed:
		return fmt.Errorf("exchanges open at %s: %w", p.name, err)
	case <-held:
	}
	time.Sleep(time.Second) //nolint:forbidigo // what is on its way arrives
	then()
	close(m.hold)
	clients.Wait()
	return nil
}
