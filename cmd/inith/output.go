package main

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/termination"
	"github.com/inith/inith/probe"
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

func terminationDefault(env []string) string {
	return cmp.Or(getenv(env, "INITH_TERMINATION_LOG"), termination.DefaultPath)
}

// readOutput reads the global flags.
func (p *process) readOutput(c *cli.Context) error {
	p.output.termination = cmp.Or(c.String("termination-log"), p.output.termination)
	switch format := cmp.Or(c.String("log-format"), "text"); format {
	case "json":
		p.output.json = true
	case "text":
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
	o := &slog.HandlerOptions{Level: p.output.level}
	if p.output.json {
		return slog.New(slog.NewJSONHandler(p.stderr, o))
	}
	return slog.New(slog.NewTextHandler(p.stderr, o))
}

// live reports whether somebody watches stderr on a terminal that can redraw.
func (p *process) live() bool {
	termName, _ := p.lookup("TERM")
	return !p.output.json && p.output.level >= slog.LevelInfo && termName != "" && termName != "dumb" && term.IsTerminal(int(p.stderr.Fd()))
}

// width returns the columns of the terminal behind stderr.
func (p *process) width() int {
	width, _, err := term.GetSize(int(p.stderr.Fd()))
	if err != nil {
		return 80
	}
	return width
}

// report tells a person, and the termination log, why inith failed. It is the
// only place that does.
func (p *process) report(err error) {
	failures := describe(err)
	for _, f := range failures {
		if p.output.json {
			p.logger().Error("failed", "err", f.text, "hint", f.hint, "exit_code", exitCode(err))
		} else {
			_, _ = io.WriteString(p.stderr, f.lines("inith: "))
		}
	}
	var all strings.Builder
	for _, f := range failures {
		all.WriteString(f.lines(""))
	}
	p.terminate(all.String())
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
type failure struct{ text, hint string }

// describe returns a failure for each error that err joins.
func describe(err error) []failure {
	if e, ok := err.(*probe.NotReadyError); ok { //nolint:errorlint // what it wraps is in its text
		return []failure{{e.Error(), strings.Join(nonEmpty(e.Trace.String(), probe.Hint(e.Err)), "; ")}}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []failure
		for _, e := range joined.Unwrap() {
			more := describe(e)
			if last := len(all) - 1; last >= 0 && all[last].hint == more[0].hint {
				all[last].hint = "" // the next one gives it
			}
			all = append(all, more...)
		}
		return all
	}
	f := failure{text: err.Error()}
	if _, ok := errors.AsType[*usageError](err); ok {
		f.hint = "inith --help tells the usage"
	}
	return []failure{f}
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}

// lines returns the failure as it is printed, each line with the prefix.
func (f failure) lines(prefix string) string {
	s := prefix + "error: " + f.text + "\n"
	if f.hint != "" {
		s += prefix + "hint: " + f.hint + "\n"
	}
	return s
}
