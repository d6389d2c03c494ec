package main

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/termination"
)

// globals are the options of every command: how inith speaks.
type globals struct {
	json        bool
	quiet       bool
	level       slog.Level
	termination string // path of the termination log
}

func globalOptions() []option.Option[*globals] {
	return []option.Option[*globals]{
		{
			Flag: "log-format", Key: option.NoKey, Global: true, Old: []string{"log.format"}, // of statsd_exporter
			Usage: "write to stderr in this `FORMAT`", Default: "text", Choices: []string{"text", "json"}, OldChoices: []string{"logfmt"},
			Set: func(g *globals, v option.Value) error {
				g.json = v.Str == "json"
				return nil
			},
		},
		{
			Flag: "log-level", Key: option.NoKey, Global: true, Old: []string{"log.level"}, // of statsd_exporter
			Usage: "the minimum log `LEVEL`", Default: "info", Choices: []string{"debug", "info", "warn", "error"},
			Set: func(g *globals, v option.Value) error {
				return g.level.UnmarshalText([]byte(v.Str))
			},
		},
		{
			Flag: "quiet", Letter: "q", Key: option.NoKey, Global: true, Kind: option.Bool, Excludes: []string{"log-level"},
			Usage: "log only errors, and draw no rows",
			Set:   option.ToBool(func(g *globals) *bool { return &g.quiet }),
		},
		{
			Flag: "termination-log", Key: option.NoKey, Global: true,
			Usage: "write the outcome for kubectl describe to this `FILE`, if it exists", Default: termination.DefaultPath,
			Set: option.ToString(func(g *globals) *string { return &g.termination }),
		},
	}
}

// A reporter is how inith speaks to people: on stderr, and in the termination log.
type reporter struct {
	globals

	stderr *os.File
	env    environment.Variables
	probe  bool   // beside an application, to which the termination log belongs
	helps  string // the command whose help explains a usage error; "" for inith itself
}

// newReporter reads how an error is reported, before the flags are parsed and even if they cannot be. A probe (wait
// --once) runs beside the application, to which the termination log belongs.
func newReporter(p *process, args []string) *reporter {
	early := func(flag, variable string) string {
		value, _ := p.env.Lookup(variable)
		return cmp.Or(rawFlag(args, flag), value)
	}
	r := &reporter{stderr: p.stderr, env: p.env}
	r.json = early("log-format", "INITH_LOG_FORMAT") == "json"
	r.termination = cmp.Or(early("termination-log", "INITH_TERMINATION_LOG"), termination.DefaultPath)
	once := early("once", "INITH_WAIT_ONCE")
	yes, err := strconv.ParseBool(once)
	r.probe = once != "" && (err != nil || yes)
	return r
}

// configure takes over the global options.
func (r *reporter) configure(g globals) {
	if g.quiet {
		g.level = slog.LevelError
	}
	r.globals = g
}

// logger returns the log on stderr.
func (r *reporter) logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: r.level}
	if r.json {
		return slog.New(slog.NewJSONHandler(r.stderr, o))
	}
	return slog.New(slog.NewTextHandler(r.stderr, o))
}

// forJob returns where a job speaks.
func (r *reporter) forJob(stdout *os.File) view.Output {
	log := r.logger()
	o := view.Output{Log: log, Lines: log, Stdout: stdout, Stderr: r.stderr}
	if r.isLive() {
		_, plain := r.env.Lookup("NO_COLOR")
		o.Screen = &view.Screen{W: r.stderr, Size: r.size, Color: !plain}
		o.Log = o.Screen.Logger()
	}
	return o
}

// isLive reports whether somebody watches stderr on a terminal that can redraw.
func (r *reporter) isLive() bool {
	name, _ := r.env.Lookup("TERM")
	return !r.json && r.level == slog.LevelInfo && name != "" && name != "dumb" && term.IsTerminal(int(r.stderr.Fd()))
}

// size returns the columns and rows of the terminal behind stderr.
func (r *reporter) size() (width, height int) {
	width, height, err := term.GetSize(int(r.stderr.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// report tells a person, and the termination log, why inith failed. Nothing else does.
func (r *reporter) report(err error) {
	failures := r.describe(err)
	if r.json {
		for _, f := range failures {
			r.logger().Error("failed", append(f.attrs, "err", f.text, "hint", f.hint, "exit_code", exitCode(err))...)
		}
	} else {
		_, _ = io.WriteString(r.stderr, lines(failures, "inith: "))
	}
	text := strings.TrimSuffix(lines(append(failures, firstFindings(err)...), ""), "\n")
	r.terminate(strings.ReplaceAll(text, "\n", "\n"+describeIndent))
}

// describeIndent is the column in which kubectl describe shows the message of a container, whose further lines it does not
// indent.
const describeIndent = "                    "

// terminate writes the outcome to the termination log. Outside Kubernetes there is none.
func (r *reporter) terminate(message string) {
	if r.probe {
		return
	}
	err := termination.Write(r.termination, message)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.logger().Warn("termination log not written", "err", err)
	}
}
