// Fetch measures `inith fetch` side by side with other tools that download: the
// time until a verified file is on disk, the CPU and the memory it took. It
// prints the figures that inith holds itself to as held or missed. A missed figure
// is no failure; a wrong or failed download of inith is, and so is a run with
// fewer than three peers.
//
// Peers are taken from PATH; what is lacking is named. They can be installed by
//
//	apt-get install curl openssl aria2 axel
//	go install github.com/replicate/pget@latest
//	go install github.com/peak/s5cmd/v2@latest
//
// Scenarios with a delay need root, for network namespaces; those with a memory
// limit need root and a memory controller, of cgroups v1 or v2. The delay comes
// from tc netem, where the kernel has it, else from package linkem. Nothing is
// left behind: namespaces have no names and end with their processes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

func main() {
	os.Exit(report.Main(func(ctx context.Context, out io.Writer, args []string) error { return run(ctx, os.Stdin, out, args) }))
}

// run is the benchmark, or one of its helpers.
func run(ctx context.Context, stdin io.Reader, stdout io.Writer, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case roleOrigin:
			return serveOrigin(ctx, stdin, stdout, args[1:])
		case roleLink:
			return emulateLink(stdin, stdout, args[1:])
		case roleLaunch:
			return launch(ctx, stdin, stdout)
		case roleHash:
			return hashFiles(args[1])
		}
	}
	return measure(ctx, stdout, args)
}

// config is what the flags say.
type config struct {
	inith  string
	rounds int
	limit  time.Duration // of a single download
	dir    string
	raw    string
	topics string
	tools  string
	quick  bool
}

func parse(args []string) (*config, error) {
	c := &config{}
	f := flag.NewFlagSet("fetch", flag.ContinueOnError)
	f.StringVar(&c.inith, "inith", "../bin/inith", "`FILE` of inith; \"\" measures its peers alone")
	f.IntVar(&c.rounds, "rounds", 5, "downloads by each tool, after one to warm up")
	f.DurationVar(&c.limit, "limit", 5*time.Minute, "how long a single download may take")
	f.StringVar(&c.dir, "dir", "/var/tmp", "`DIR` for a folder with what is downloaded, 10 GiB; on a disk, no tmpfs")
	f.StringVar(&c.raw, "raw", "../bench-results", "`DIR` for the single measurements, as JSON lines")
	f.StringVar(&c.topics, "topics", strings.Join(topics(), ","), "what to measure")
	f.StringVar(&c.tools, "tools", "", "measure only the tools whose `NAMES` begin so, separated by commas; no figures then")
	f.BoolVar(&c.quick, "quick", false, "some minutes: 2 rounds of files a sixteenth in size; figures are for full sizes")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if c.quick {
		c.rounds = 2
	}
	if c.rounds < 1 {
		return nil, errors.New("-rounds must be 1 or more")
	}
	for t := range strings.SplitSeq(c.topics, ",") {
		if !slices.Contains(topics(), t) {
			return nil, fmt.Errorf("-topics: no %q, there are %s", t, strings.Join(topics(), ", "))
		}
	}
	return c, nil
}

// A bench is a run: what to measure with, and what was measured.
type bench struct {
	*config
	out   io.Writer
	tools *toolbox
	work  string            // a folder of this run
	data  map[string][]file // what the origins have, by folder
	raws  io.Writer
	rows  []row
	judge []judgement
}

func measure(ctx context.Context, out io.Writer, args []string) (err error) {
	c, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{config: c, out: out, data: map[string][]file{}}
	if b.tools, err = findTools(ctx, c.inith); err != nil {
		return err
	}
	b.tools.print(out)
	if n := b.tools.Found(); n < fewestPeers {
		return fmt.Errorf("%d peers on PATH to compare with, %d are needed: install some of those above", n, fewestPeers)
	}
	if b.work, err = os.MkdirTemp(c.dir, "inith-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	if isMemory(b.work) {
		fmt.Fprintf(out, "%s is in memory: an fsync there costs nothing, and the figures of memory mean nothing\n", c.dir)
	}
	if err := os.MkdirAll(c.raw, 0o750); err != nil {
		return err
	}
	raw, err := os.Create(filepath.Join(c.raw, rowsFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	b.raws = raw
	return b.measureAll(ctx)
}

// measureAll goes through the scenarios, each followed by its table.
func (b *bench) measureAll(ctx context.Context) error {
	for _, s := range scenarios(b.quick) {
		if !slices.Contains(strings.Split(b.topics, ","), s.topic) {
			continue
		}
		if why := s.lacks(ctx); why != "" {
			fmt.Fprintf(b.out, "\nskipped %s: %s\n", s.name, why)
			b.judgeSkipped(s, why)
			continue
		}
		fmt.Fprintf(b.out, "\nmeasuring %s, since %s\n", s.name, time.Now().Format(time.TimeOnly))
		if err := b.measureScenario(ctx, s); err != nil {
			return err
		}
		b.report(s)
	}
	b.reportFigures()
	fmt.Fprintf(b.out, "\nsingle measurements: %s\n", filepath.Join(b.raw, rowsFile))
	return b.faultsOfInith()
}
