package logs_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/fluentserver"
	"github.com/inith/inith/sidecar/logs"
)

// patience bounds a hang: no test waits for so long on a machine that works.
const patience = time.Minute

// A bench is a directory of logs, a receiver and a collector between them.
type bench struct {
	t       *testing.T
	dir     string
	server  *fluentserver.Server
	options logs.Options
	prepare func(*logs.Collector) // before a collector starts; nil for nothing

	mu       sync.Mutex
	messages []fluentserver.Message
	answer   fluentserver.Answer
	log      bytes.Buffer

	cancel context.CancelFunc
	ended  chan error
	c      *logs.Collector
}

// newBench has a receiver and no collector yet.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.server = &fluentserver.Server{Receive: b.receive}
	if err := b.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.server.Stop() })
	b.options = logs.Options{
		Inputs:     []logs.Input{{Paths: []string{b.dir + "/*.log"}, Tag: "agent.*"}},
		Outputs:    []logs.Output{{Kind: logs.Forward, Addresses: []string{b.server.Addr}}},
		Flush:      time.Millisecond,
		RotateWait: 50 * time.Millisecond,
		Logger:     slog.New(slog.NewTextHandler(b, nil)),
	}
	return b
}

// Write receives the log of the collector.
func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bench) receive(m fluentserver.Message) fluentserver.Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answer == fluentserver.Ack {
		b.messages = append(b.messages, m)
	}
	return b.answer
}

// answers changes what the receiver does.
func (b *bench) answers(a fluentserver.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = a
}

// start starts a collector.
func (b *bench) start() {
	b.t.Helper()
	c, err := logs.New(b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.prepare != nil {
		b.prepare(c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.c, b.cancel, b.ended = c, cancel, make(chan error, 1)
	go func() { b.ended <- c.Serve(ctx) }()
	b.t.Cleanup(func() {
		if b.ended != nil {
			cancel()
			c.Stop()
			if err := <-b.ended; err != nil {
				b.t.Log("it ended with", err)
			}
			b.ended = nil
		}
	})
}

// drain asks the collector to end, and returns its error.
func (b *bench) drain() error {
	b.t.Helper()
	b.cancel()
	select {
	case err := <-b.ended:
		b.ended = nil
		return err
	case <-time.After(patience):
		b.t.Fatalf("it does not end: %s", b.logged())
		return nil
	}
}

func (b *bench) mustDrain() {
	b.t.Helper()
	if err := b.drain(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func (b *bench) records() (all []fluentserver.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		all = append(all, m.Records...)
	}
	return all
}

// lines returns the lines that have arrived.
func (b *bench) lines() (all []string) {
	for _, r := range b.records() {
		all = append(all, r.Log())
	}
	return all
}

// until waits until a condition holds.
func (b *bench) until(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never: %s; lines %.2000q; log:\n%s", what, b.lines(), b.logged())
		}
	}
}

// want waits until these lines have arrived, in any order, and no other.
func (b *bench) want(lines ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%d lines", len(lines)), func() bool { return len(b.lines()) >= len(lines) })
	got := b.lines()
	slices.Sort(got)
	slices.Sort(lines)
	if !slices.Equal(got, lines) {
		b.t.Fatalf("got %.2000q, want %.2000q; log:\n%s", got, lines, b.logged())
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// write appends to a file.
func (b *bench) write(name, text string) {
	b.t.Helper()
	f, err := os.OpenFile(b.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := f.Close(); err != nil {
		b.t.Fatal(err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// must fails the test if a step of it does.
func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestLinesArrive(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("app.log", "one\ntwo\r\n")
	b.start()
	b.want("one", "two")
	b.write("app.log", "thr")
	b.write("later.log", "four\n")
	b.want("one", "two", "four")
	b.write("app.log", "ee\nhalf")
	b.want("one", "two", "four", "three")
	b.mustDrain()
	b.want("one", "two", "four", "three", "half")
	first := b.records()[0]
	if want := "agent" + strings.ReplaceAll(b.path("app.log"), "/", "."); first.Tag != want {
		t.Errorf("got the tag %q, want %q", first.Tag, want)
	}
	if age := time.Since(first.Time); age < 0 || age > patience {
		t.Errorf("the record is from %v", first.Time)
	}
	b.write("app.log", " more\n")
	b.start()
	b.want("one", "two", "four", "three", "half", " more")
	b.mustDrain()
}
