// Scale simulates many Pods that start together and fetch the same file from one origin, which has a limited rate and
// counts requests by address: each for itself, with the node cache, with a mirror in the cluster, and with both. The
// fetchers are inith's own and their connections are real; origin and mirror are parts of this process. The
// numbers of bytes and requests are those of the protocol; the times belong to the rates that are simulated.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

func main() { os.Exit(report.Main(run)) }

// A world is what all scenarios have in common.
type world struct {
	dir         string
	pods, nodes int
	size        int64 // of the file, in bytes
	originRate  int64 // bytes per second
	mirrorRate  int64
	quota       int           // requests per window that the origin answers
	window      time.Duration // of the quota
	content     []byte
	jitter      time.Duration
}

// A scenario is a way to bring the file to all Pods.
type scenario struct {
	name          string
	cache, mirror bool
	jitter        bool
	connections   int // zero: the default
}

func scenarios() []scenario {
	return []scenario{
		{name: "each Pod for itself"},
		{name: "the same, --start-jitter", jitter: true},
		{name: "the same, --connections 1 too", jitter: true, connections: 1},
		{name: "node cache", cache: true},
		{name: "mirror", mirror: true},
		{name: "node cache and mirror", cache: true, mirror: true},
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) > 0 && args[0] == rolePods {
		return runPods(ctx, os.Stdin, out)
	}
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	w := &world{}
	f.StringVar(&w.dir, "dir", "", "the `DIR` of the nodes; default: a temporary one")
	f.IntVar(&w.pods, "pods", 1000, "how many Pods start together")
	f.IntVar(&w.nodes, "nodes", 50, "how many nodes they run on")
	f.Int64Var(&w.size, "size", 4<<20, "bytes of the file")
	f.Int64Var(&w.originRate, "origin-rate", 100e6, "bytes per second that the origin sends")
	f.Int64Var(&w.mirrorRate, "mirror-rate", 1e9, "bytes per second that the mirror sends")
	f.IntVar(&w.quota, "quota", 600, "requests per window that the origin answers")
	f.DurationVar(&w.window, "window", 10*time.Second, "of the quota")
	f.DurationVar(&w.jitter, "jitter", 20*time.Second, "--start-jitter, where it is used")
	if err := f.Parse(args); err != nil {
		return err
	}
	if w.pods < w.nodes || w.nodes < 1 {
		return errors.New("want at least one Pod a node")
	}
	w.content = randomBytes(w.size)
	var all []*outcome
	for _, s := range scenarios() {
		o, err := w.play(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, o)
	}
	printTable(out, w, all)
	return nil
}

func printTable(out io.Writer, w *world, all []*outcome) {
	title := fmt.Sprintf("%d Pods on %d nodes, a file of %d bytes; the origin sends %.0f MB/s and answers %d requests in %v, the mirror sends %.0f MB/s",
		w.pods, w.nodes, w.size, float64(w.originRate)/1e6, w.quota, w.window, float64(w.mirrorRate)/1e6)
	report.Table(out, title, "scenario\tfiles from the origin\trequests\trefused\thalf of the Pods ready\tall ready\tfailed", func(line func(cells ...string)) {
		for _, o := range all {
			line(o.name, report.Number(float64(o.origin.sent)/float64(w.size), 1, ""), fmt.Sprint(o.origin.requests), fmt.Sprint(o.origin.refused),
				report.Number(o.half.Seconds(), 1, " s"), report.Number(o.last.Seconds(), 1, " s"), fmt.Sprint(o.failed))
		}
	})
}
