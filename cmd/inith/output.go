package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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
	text := describe(err)
	if p.output.json {
		p.logger().Error("failed", "err", text.String(), "exit_code", exitCode(err))
	} else {
		text.write(p.stderr, "inith: ")
	}
	p.terminate(text.String())
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

// A message is what a person gets to read about a failure.
type message []messageLine

type messageLine struct{ kind, text string } // kind is error or hint

// describe returns a line for each error that err joins, and hints on it.
func describe(err error) message {
	var m message
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, single := err.(*probe.NotReadyError); !single { //nolint:errorlint // the outermost only
			for _, e := range joined.Unwrap() {
				m = append(m, describe(e)...)
			}
			return m
		}
	}
	m = append(m, messageLine{"error", err.Error()})
	if e, ok := errors.AsType[*probe.NotReadyError](err); ok {
		m = append(m, messageLine{"hint", strings.Join(nonEmpty(e.Trace.String(), probe.Hint(e.Err)), "; ")})
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		m = append(m, messageLine{"hint", "inith --help tells the usage"})
	}
	return m
}

func nonEmpty(texts ...string) []string {
	var kept []string
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return kept
}

func (m message) write(w io.Writer, prefix string) {
	for _, line := range m {
		fmt.Fprintf(w, "%s%s: %s\n", prefix, line.kind, line.text)
	}
}

// String returns the message without a prefix, for the termination log.
func (m message) String() string {
	var b strings.Builder
	m.write(&b, "")
	return strings.TrimRight(b.String(), "\n")
}
