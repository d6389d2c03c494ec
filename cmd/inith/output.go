package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/termination"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/plan"
)

// An output says how inith speaks. The zero value is text at level info.
type output struct {
	level       slog.Level
	json        bool
	termination string // path of the termination log
}

// globalFlags are the flags of every command.
func globalFlags() []cli.Flag {
	const f = flagSet("")
	return []cli.Flag{
		f.string("log-format", "write to stderr in this `FORMAT`: text (default) or json"),
		f.string("log-level", "least `LEVEL` to log: debug, info (default), warn or error"),
		f.string("termination-log", "`FILE` that gets the outcome for kubectl describe, if it exists (default: "+termination.DefaultPath+")"),
	}
}

// readOutput reads the global flags.
func (p *process) readOutput(c *cli.Context) error {
	if c.NArg() > 0 && c.Command.ArgsUsage == noArgs {
		return usagef("%s takes no argument", c.Command.Name)
	}
	switch format := cmp.Or(c.String("log-format"), "text"); format {
	case "json", "text": // readEarly has it
	default:
		return usagef("--log-format: want text or json%s", suggest.DidYouMean(format, []string{"text", "json"}))
	}
	level := cmp.Or(c.String("log-level"), "info")
	if err := p.output.level.UnmarshalText([]byte(level)); err != nil {
		return usagef("--log-level: want debug, info, warn or error%s", suggest.DidYouMean(level, []string{"debug", "info", "warn", "error"}))
	}
	return nil
}

// logger returns the log on stderr.
func (p *process) logger() *slog.Logger {
	if p.log != nil {
		return p.log
	}
	o := &slog.HandlerOptions{Level: p.output.level}
	if p.output.json {
		return slog.New(slog.NewJSONHandler(p.stderr, o))
	}
	return slog.New(slog.NewTextHandler(p.stderr, o))
}

// live reports whether somebody watches stderr on a terminal that can redraw.
func (p *process) live() bool {
	termName, _ := p.lookup("TERM")
	return p.log == nil && !p.output.json && p.output.level == slog.LevelInfo && termName != "" && termName != "dumb" && isTerminal(p.stderr)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// size returns the columns and rows of the terminal behind stderr.
func (p *process) size() (width, height int) {
	width, height, err := term.GetSize(int(p.stderr.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// report tells a person, and the termination log, why inith failed. It is the
// only place that does.
func (p *process) report(err error) {
	failures := describe(err)
	if p.output.json {
		for _, f := range failures {
			p.logger().Error("failed", append(f.attrs, "err", f.text, "hint", f.hint, "exit_code", exitCode(err))...)
		}
	} else {
		_, _ = io.WriteString(p.stderr, lines(failures, "inith: "))
	}
	p.terminate(lines(append(failures, foundFirst(err)...), ""))
}

// terminate writes the outcome to the termination log. That there is none, as
// outside Kubernetes, is no mistake.
func (p *process) terminate(message string) {
	if !p.termination {
		return
	}
	err := termination.Write(p.output.termination, message)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.logger().Warn("termination log not written", "err", err)
	}
}

// A failure is what a person gets to read about one error.
type failure struct {
	text, hint string
	attrs      []any // for a log
}

// describe returns a failure for each error that err joins.
func describe(err error) []failure {
	if e, ok := err.(*probe.NotReadyError); ok { //nolint:errorlint // what it wraps is in its text
		return []failure{describeNotReady(e)}
	}
	if e, ok := err.(*plan.StepError); ok { //nolint:errorlint // as above
		all := describe(e.Err)
		for i := range all {
			all[i].text = "step " + e.Name + ": " + all[i].text
			all[i].attrs = append(all[i].attrs, "step", e.Name)
		}
		return all
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []failure
		for _, e := range joined.Unwrap() {
			all = append(all, describe(e)...)
		}
		return all
	}
	f := failure{text: err.Error(), hint: usererr.Hint(err)}
	switch _, usage := errors.AsType[*usageError](err); {
	case usage:
		f.hint = cmp.Or(f.hint, "inith --help tells the usage")
	case isVerification(err):
		f.hint = "nothing was kept: is the digest of this version? Was the file replaced on the server?"
	}
	return []failure{f}
}

func describeNotReady(e *probe.NotReadyError) failure {
	f := failure{text: e.Error(), attrs: []any{"target", e.Target.Name, "attempt", e.Attempts, "elapsed", e.Elapsed.Round(time.Millisecond).String()}}
	if e.Err != nil {
		f.hint = e.Trace.String()
	}
	if hint := probe.Hint(e.Err); hint != "" {
		f.hint += "; " + hint
	}
	return f
}

// lines returns failures as they are printed, each line with the prefix. A hint
// that several have in common follows the last of them.
func lines(failures []failure, prefix string) string {
	var b strings.Builder
	for i, f := range failures {
		fmt.Fprintf(&b, "%serror: %s\n", prefix, redact.Line(f.text))
		if f.hint != "" && (i+1 == len(failures) || failures[i+1].hint != f.hint) {
			fmt.Fprintf(&b, "%shint: %s\n", prefix, redact.Line(f.hint))
		}
	}
	return b.String()
}
