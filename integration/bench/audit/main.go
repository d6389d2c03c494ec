// Audit measures `inith sidecar audit` beside a bare httputil.ReverseProxy, nginx and haproxy, with wrk as the client: how
// many requests a second, what each adds to the latency, and what it costs. It prints the figures that inith holds itself
// to as held or missed. A missed figure is no failure; an answer that is wrong is.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

func main() {
	os.Exit(report.Main(func(ctx context.Context, out io.Writer, args []string) error {
		if len(args) == 3 && args[0] == bareCommand {
			return serveBare(ctx, args[1], args[2])
		}
		return run(ctx, out, args)
	}))
}

// config is what the flags say.
type config struct {
	inith    string
	rounds   int
	duration time.Duration // of a run of wrk
	clients  int           // connections of wrk
	events   int           // of a stream
	topics   string
}

func parse(args []string) (*config, error) {
	c := &config{}
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	f.StringVar(&c.inith, "inith", "../bin/inith", "the `FILE` to measure")
	f.IntVar(&c.rounds, "rounds", 7, "how often each is measured, in random order")
	f.DurationVar(&c.duration, "duration", 2*time.Second, "how long wrk sends requests each time, in whole seconds")
	f.IntVar(&c.clients, "clients", 32, "connections of wrk")
	f.IntVar(&c.events, "events", 200, "events of a stream")
	f.StringVar(&c.topics, "topics", "load,stream,open", "what to measure")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if c.rounds < 1 || c.clients < 1 || c.events < 1 || c.duration < time.Second {
		return nil, errors.New("-rounds, -clients and -events must be 1 or more, -duration 1s")
	}
	var err error
	c.inith, err = filepath.Abs(c.inith)
	return c, err
}

func knownPeers() report.Peers {
	return report.Peers{
		{Name: "nginx", Version: []string{"-v"}, Install: "apt-get install nginx-light"},
		{Name: "haproxy", Version: []string{"-v"}, Install: "apt-get install haproxy"},
		{Name: "wrk", Version: []string{"-v"}, Install: "apt-get install wrk", Helper: true},
	}
}

// A bench is a run: what to measure with, and what was measured.
type bench struct {
	*config
	out     io.Writer
	dir     string
	peers   report.Peers
	proxies []*proxy
	rows    []row
}

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	c, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{config: c, out: out, peers: knownPeers()}
	if err := b.peers.Find(ctx); err != nil {
		return err
	}
	b.peers.Print(out)
	if b.peers.Path("nginx") == "" || b.peers.Path("wrk") == "" {
		return errors.New("nginx is the application and wrk the client: install both")
	}
	if b.dir, err = os.MkdirTemp("", "inith-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	for _, topic := range []struct {
		name    string
		measure func(context.Context) error
	}{{"load", b.measureLoad}, {"stream", b.measureStreams}, {"open", b.measureOpen}} {
		if !strings.Contains(b.topics, topic.name) {
			continue
		}
		if err := topic.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measureLoad sends as many requests as each proxy takes, then half as many.
func (b *bench) measureLoad(ctx context.Context) error {
	application, err := b.startApplication(ctx)
	if err != nil {
		return err
	}
	defer application.stop()
	defer b.stopProxies() // also those that have started before one that does not
	if err := b.startProxies(ctx, application.address); err != nil {
		return err
	}
	script, err := b.writeScript()
	if err != nil {
		return err
	}
	all := slices.Concat([]*proxy{{name: direct, address: application.address}}, b.proxies)
	for round := range b.rounds + 1 { // the first warms up
		for _, i := range rand.Perm(len(all)) {
			if err := b.load(ctx, script, all[i], round, "", 0); err != nil {
				return err
			}
		}
		for _, level := range levels() {
			rate := b.rate(round, level) / 2
			for _, i := range rand.Perm(len(all)) {
				if all[i].level != "" && all[i].level != level {
					continue
				}
				if err := b.load(ctx, script, all[i], round, level, rate); err != nil {
					return err
				}
			}
		}
	}
	b.rows = slices.DeleteFunc(b.rows, func(r row) bool { return r.round == 0 })
	b.reportLoad()
	return nil
}
