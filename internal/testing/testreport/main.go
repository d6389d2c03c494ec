// Testreport reads the events of `go test -json`, prints what a person wants to
// know of them, and fails if a test failed or, with -strict, was skipped.
//
//	go test -json ./... | testreport [-strict] [-allow TEST,TEST...]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	strict := flag.Bool("strict", false, "fail if a test was skipped")
	allow := flag.String("allow", "", "comma-separated `tests` that may be skipped")
	flag.Parse()
	r := newReport()
	if err := r.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if !r.summarize(os.Stdout, *strict, strings.Split(*allow, ",")) {
		os.Exit(1)
	}
}

// An event is what go test -json writes: see go doc test2json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type report struct {
	running         map[string]bool   // packages that have not ended
	output          map[string]string // by package and test, until it is known to be of no interest
	passed, failed  int
	packages, skips []string // those that failed, and the skipped tests
}

func newReport() *report { return &report{running: map[string]bool{}, output: map[string]string{}} }

func (r *report) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.add(e, out)
			} else {
				_, _ = out.Write(line) // the go command's own
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) add(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	if e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
		delete(r.running, e.Package)
	}
	switch e.Action {
	case "start":
		r.running[e.Package] = true
	case "output", "build-output":
		if e.Action == "build-output" {
			_, _ = io.WriteString(out, e.Output)
		}
		r.output[key] += e.Output
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
		} else {
			r.passed++
		}
		delete(r.output, key)
	case "skip":
		if e.Test != "" {
			r.skips = append(r.skips, e.Test+": "+reason(r.output[key]))
		}
		delete(r.output, key)
	case "fail":
		if e.Test == "" {
			r.unfinished(e.Package, out)
		}
		_, _ = io.WriteString(out, r.output[key])
		if e.Test == "" {
			fmt.Fprintf(out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
			r.packages = append(r.packages, e.Package)
		} else {
			r.failed++
		}
		delete(r.output, key)
	}
}

// unfinished prints the tests of a package that were running when it ended: one of them has the panic, or hung.
func (r *report) unfinished(pkg string, out io.Writer) {
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		name, ok := strings.CutPrefix(key, pkg+" ")
		if !ok || name == "" {
			continue
		}
		fmt.Fprintf(out, "FAIL  %s was running when its package ended\n%s", name, r.output[key])
		r.failed++
		delete(r.output, key)
	}
}

// reason returns what a skipped test said, without the frame around it.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") {
			return text
		}
	}
	return "no reason given"
}

func (r *report) summarize(out io.Writer, strict bool, allowed []string) bool {
	ok := r.failed == 0 && len(r.packages) == 0 && r.passed > 0
	for name := range r.running {
		fmt.Fprintf(out, "FAIL  %s did not end\n", name)
		ok = false
	}
	for _, skip := range r.skips {
		name, _, _ := strings.Cut(skip, ":")
		verdict := "skipped"
		if strict && !slices.Contains(allowed, name) {
			verdict, ok = "skipped, and that is a failure here", false
		}
		fmt.Fprintf(out, "%s: %s\n", verdict, skip)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed+failedBuilds(r), len(r.skips))
	return ok
}

// failedBuilds counts the packages that failed without a test that did.
func failedBuilds(r *report) int {
	if r.failed > 0 {
		return 0
	}
	return len(r.packages)
}
