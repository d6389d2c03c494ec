// Plan measures how long `inith run` takes for plans whose steps take a known time:
// beside their sum, their longest path, and the same work one after another in a
// shell, as a chain of init containers does it. It prints the figure to hold
// as held or missed; a plan that takes longer than it may is a failure.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// mayTake is what a plan may take above its longest path.
const mayTake = 100 * time.Millisecond

func main() { os.Exit(report.Main(run)) }

func run(ctx context.Context, out io.Writer, args []string) error {
	f := flag.NewFlagSet("plan", flag.ContinueOnError)
	inith := f.String("inith", "../bin/inith", "the `FILE` to measure")
	rounds := f.Int("rounds", 5, "how often each is measured, in turns")
	if err := f.Parse(args); err != nil {
		return err
	}
	path, err := filepath.Abs(*inith)
	if err != nil {
		return err
	}
	peers := report.Peers{
		{Name: "sh", Install: "apt-get install dash"},
		{Name: "curl", Version: []string{"--version"}, Install: "apt-get install curl", Helper: true},
		{Name: "nc", Install: "apt-get install netcat-openbsd", Helper: true},
	}
	if err := peers.Find(ctx); err != nil {
		return err
	}
	peers.Print(out)
	for _, p := range peers {
		if p.Path == "" {
			return errors.New("no shell with curl and nc to compare with: install what is lacking")
		}
	}
	var all []*measured
	for _, s := range shapes() {
		m := &measured{shape: s}
		all = append(all, m)
		for range *rounds {
			if err := m.measure(ctx, path); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return printTable(out, all, *rounds)
}

// A measured is a shape, and how long it took, in seconds.
type measured struct {
	shape

	inith, chain []float64
}

// measure runs the plan, and what stands for it in a shell.
func (m *measured) measure(ctx context.Context, inith string) error {
	for _, way := range []struct {
		times *[]float64
		argv  func(w *world) []string
	}{
		{&m.inith, func(w *world) []string { return []string{inith, "run", "--log-level=warn", w.plan} }},
		{&m.chain, func(w *world) []string { return []string{"sh", "-e", w.script} }},
	} {
		w, err := m.newWorld(ctx)
		if err != nil {
			return err
		}
		argv := way.argv(w)
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // ours
		cmd.Dir = w.folder
		begun := time.Now()
		w.begin()
		output, err := cmd.CombinedOutput()
		took := time.Since(begun)
		w.end()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", argv[0], err, output)
		}
		*way.times = append(*way.times, took.Seconds())
	}
	return nil
}

func printTable(out io.Writer, all []*measured, rounds int) error {
	failed := false
	title := fmt.Sprintf("Plans, %d rounds; medians, and what they take above their longest path", rounds)
	report.Table(out, title, "plan\tsteps\tsum\tlongest path\tinith run\tabove it\tof the sum\tone after another in sh\tinith/sh\tfigure\tresult", func(line func(cells ...string)) {
		for _, m := range all {
			slices.Sort(m.inith)
			slices.Sort(m.chain)
			took, chain, longest, sum := report.Median(m.inith), report.Median(m.chain), m.longest().Seconds(), m.sum().Seconds()
			held := took <= longest+mayTake.Seconds()
			failed = failed || !held
			line(m.name, fmt.Sprint(len(m.steps)), report.Number(sum, 2, " s"), report.Number(longest, 2, " s"), report.Number(took, 3, " s"),
				report.Number(1000*(took-longest), 0, " ms"), report.Number(took/sum, 2, "x"), report.Number(chain, 2, " s"), report.Number(took/chain, 2, "x"),
				"above it <= "+mayTake.String(), report.Verdict(held))
		}
	})
	if failed {
		return errors.New("a plan took longer than it may")
	}
	return nil
}

// longest is the longest path: what no run can be faster than.
func (s shape) longest() time.Duration {
	ends := map[string]time.Duration{}
	var longest time.Duration
	for _, step := range s.steps { // each after those that it needs
		var start time.Duration
		for _, need := range step.needs {
			start = max(start, ends[need])
		}
		end := start + step.takes
		if step.kind == "wait" { // the server does not mind when somebody begins to wait
			end = max(start, step.takes)
		}
		ends[step.name] = end
		longest = max(longest, end)
	}
	return longest
}

// sum is how long the steps take one after another.
func (s shape) sum() time.Duration {
	var sum time.Duration
	for _, step := range s.steps {
		if step.kind == "wait" {
			sum = max(sum, step.takes)
			continue
		}
		sum += step.takes
	}
	return cmp.Or(sum, time.Nanosecond)
}
