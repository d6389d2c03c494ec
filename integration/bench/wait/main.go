// Wait measures `inith wait` side by side with other tools that wait: how late
// they notice that a server is ready, and what they cost. It prints the figures
// that inith holds itself to as held or missed. A missed figure is no failure; a
// wrong "ready" of inith is, and so is a run without a peer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
	"github.com/inith/inith/internal/testing/release"
)

func main() { os.Exit(report.Main(run)) }

// config is what the flags say.
type config struct {
	offsets      int
	low, high    time.Duration // of the offsets
	seed         uint64
	parallel     int // waits at the same time, when delays are measured
	rounds       int // of runs on an open port
	waiting      time.Duration
	postgres     string // address; "" starts a container
	redis        string
	passwordFile string // of both servers; "" for servers of our own
	raw          string
	topics       string
}

func parse(args []string) (*config, error) {
	c := &config{low: 500 * time.Millisecond}
	f := flag.NewFlagSet("wait", flag.ContinueOnError)
	f.IntVar(&c.offsets, "offsets", 20, "how many moments of readiness, the same for all tools")
	f.DurationVar(&c.high, "max", time.Minute, "latest moment of readiness")
	f.Uint64Var(&c.seed, "seed", 1, "seed of the moments")
	f.IntVar(&c.parallel, "parallel", 8, "how many waits run at the same time; they sleep most of it")
	f.IntVar(&c.rounds, "rounds", 7, "runs of each tool on an open port, after one to warm up")
	f.DurationVar(&c.waiting, "waiting", 30*time.Second, "how long tools wait for what never gets ready")
	f.StringVar(&c.postgres, "postgres", "", "`ADDR` of a Postgres server (user and database postgres) instead of a container")
	f.StringVar(&c.redis, "redis", "", "`ADDR` of a Redis server instead of a container")
	f.StringVar(&c.passwordFile, "password-file", "", "`FILE` with the password of the servers that -postgres and -redis name")
	f.StringVar(&c.raw, "raw", "../bench-results", "`DIR` for the single measurements, as JSON lines")
	f.StringVar(&c.topics, "topics", "delay,open,waiting", "what to measure")
	quick := f.Bool("quick", false, "about a minute: 4 offsets up to 5s, 5 rounds, 3s of waiting")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if *quick {
		c.offsets, c.high, c.rounds, c.waiting, c.parallel = 4, 5*time.Second, 5, 3*time.Second, 12
	}
	switch {
	case c.offsets < 1 || c.rounds < 1 || c.parallel < 1:
		return nil, errors.New("-offsets, -rounds and -parallel must be 1 or more")
	case c.high < c.low:
		return nil, fmt.Errorf("-max must be %v or more", c.low)
	case (c.postgres != "" || c.redis != "") && c.passwordFile == "":
		return nil, errors.New("-postgres and -redis need -password-file")
	}
	return c, nil
}

// A bench is a run: what to measure with, and what was measured.
type bench struct {
	*config
	out     io.Writer
	tools   *toolbox
	servers *servers
	rows    []row
}

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	c, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "inith-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{config: c, out: out}
	if b.tools, err = findTools(ctx, dir); err != nil {
		return err
	}
	b.tools.Print(out)
	if b.tools.Found() == 0 {
		return errors.New("no peer on PATH to compare with: install one of those above")
	}
	if err := release.Build(ctx, b.tools.inith); err != nil {
		return err
	}
	if b.servers, err = startServers(ctx, out, c, dir); err != nil {
		return err
	}
	defer b.servers.stop(ctx)
	b.tools.login = b.servers.login
	return b.measure(ctx)
}

// measure runs the topics, each followed by its tables.
func (b *bench) measure(ctx context.Context) error {
	for _, topic := range []struct {
		name    string
		measure func(context.Context) error
		report  func()
	}{
		{"delay", b.measureDelay, b.reportDelay},
		{"open", b.measureOpen, b.reportOpen},
		{"waiting", b.measureWaiting, b.reportWaiting},
	} {
		if !strings.Contains(b.topics, topic.name) {
			continue
		}
		fmt.Fprintf(b.out, "\nmeasuring %s, since %s\n", topic.name, time.Now().Format(time.TimeOnly))
		if err := topic.measure(ctx); err != nil {
			return err
		}
		topic.report()
	}
	if err := writeRows(b.raw, b.rows); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nsingle measurements: %s\n", filepath.Join(b.raw, rowsFile))
	if n := b.wrongByInith(); n > 0 {
		return fmt.Errorf("inith said ready %d times before the server was", n)
	}
	return nil
}
