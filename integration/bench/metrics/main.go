// Metrics measures how many packets a second `inith sidecar metrics` takes with less than 0.1 % loss, and what a packet
// costs it, beside prometheus/statsd_exporter built from its module: the same packets, mapping and receive buffer, in
// turns. It prints the figures to hold as held or missed; one that is missed is a failure.
package main

import (
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

// The figures to hold.
const (
	mayLose    = 0.001 // of the packets
	throughput = 1.5   // of the stock exporter's packets a second, at least
	cost       = 0.7   // of the stock exporter's CPU a packet, at most
)

func main() { os.Exit(report.Main(run)) }

func run(ctx context.Context, out io.Writer, args []string) error {
	f := flag.NewFlagSet("metrics", flag.ContinueOnError)
	inith := f.String("inith", "../bin/inith", "the `FILE` to measure")
	rounds := f.Int("rounds", 5, "how often each is measured, in turns")
	trial := f.Duration("trial", 300*time.Millisecond, "how long each rate is tried")
	buffer := f.Int("read-buffer", 1<<20, "bytes of SO_RCVBUF that both ask for")
	if err := f.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-metrics")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stock := filepath.Join(dir, "statsd_exporter")
	if b, err := exec.CommandContext(ctx, "go", "build", "-o", stock, "github.com/prometheus/statsd_exporter").CombinedOutput(); err != nil { //nolint:gosec // ours
		return fmt.Errorf("build the stock exporter: %w: %s", err, b)
	}
	path, err := filepath.Abs(*inith)
	if err != nil {
		return err
	}
	all := []*measured{
		{name: "statsd_exporter", argv: []string{stock, "--log.level=warn"}},
		{name: "inith", argv: []string{path, "sidecar", "metrics", "--log-level=warn"}},
	}
	for range *rounds {
		for _, m := range all {
			if err := m.measure(ctx, dir, *buffer, *trial); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return printTable(out, all, *rounds)
}

// A measured is an exporter, and what was measured of it.
type measured struct {
	name string
	argv []string

	rates  []float64 // packets a second without loss
	costs  []float64 // microseconds of CPU a packet
	memory []float64 // MiB at the end
}

// fixedRate is the packets a second at which the CPU is measured: all must take them without loss.
const fixedRate = 50_000

// measure finds the highest rate without loss, and what a packet costs.
func (m *measured) measure(ctx context.Context, dir string, buffer int, trial time.Duration) error {
	e, err := start(ctx, dir, m.argv, buffer)
	if err != nil {
		return err
	}
	defer e.stop()
	if _, err := e.try(fixedRate, trial); err != nil { // all series are known afterwards
		return err
	}
	before, err := e.cpu()
	if err != nil {
		return err
	}
	result, err := e.try(fixedRate, 10*trial)
	if err != nil {
		return err
	}
	after, err := e.cpu()
	if err != nil {
		return err
	}
	m.costs = append(m.costs, float64((after-before).Microseconds())/float64(result.received))
	rate, err := highest(func(rate int) (bool, error) {
		r, err := e.try(rate, trial)
		return err == nil && r.lost() < mayLose, err
	})
	if err != nil {
		return err
	}
	m.rates = append(m.rates, float64(rate))
	memory, err := e.memory()
	m.memory = append(m.memory, memory)
	return err
}

// highest returns the highest rate that holds: by doubling, then by halving the interval until it is within a twentieth.
// A rate fails only if it fails often, since the machine may do something else for a moment, in which the buffer of the
// kernel overflows at any rate.
func highest(holds func(rate int) (bool, error)) (int, error) {
	const tries = 5
	often := func(rate int) (bool, error) {
		for range tries {
			if ok, err := holds(rate); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	low, high := 0, fixedRate
	for {
		ok, err := often(high)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		low, high = high, 2*high
	}
	for high-low > high/20 {
		middle := (low + high) / 2
		ok, err := often(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

func printTable(out io.Writer, all []*measured, rounds int) error {
	stock, inith := all[0], all[1]
	title := fmt.Sprintf("Packets of one line over UDP with less than %g %% lost; medians of %d rounds in turns", 100*mayLose, rounds)
	report.Table(out, title, "exporter\tpackets/s\tCPU a packet\tresident", func(line func(cells ...string)) {
		for _, m := range all {
			for _, v := range [][]float64{m.rates, m.costs, m.memory} {
				slices.Sort(v)
			}
			line(m.name, report.Number(report.Median(m.rates), 0, ""), report.Number(report.Median(m.costs), 2, " us"), report.Number(report.Median(m.memory), 1, " MiB"))
		}
	})
	faster := report.Median(inith.rates) / report.Median(stock.rates)
	cheaper := report.Median(inith.costs) / report.Median(stock.costs)
	report.Table(out, "Figures", "what\tinith/stock\tfigure\tresult", func(line func(cells ...string)) {
		line("packets/s", report.Number(faster, 2, "x"), fmt.Sprintf(">= %g x", throughput), report.Verdict(faster >= throughput))
		line("CPU a packet", report.Number(cheaper, 2, "x"), fmt.Sprintf("<= %g x", cost), report.Verdict(cheaper <= cost))
	})
	if faster < throughput || cheaper > cost {
		return errors.New("a figure is missed")
	}
	return nil
}
