package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/probe"
)

const waitDescription = `Waits until every TARGET is ready, then becomes CMD, if one is given.

TARGET is host:port or a URL: tcp, unix, http, https, postgres, redis, rediss. Its
query belongs to the protocol, its fragment to inith: #level=auth&timeout=1s.

   level  a target is ready when
   tcp    the port accepts a connection and keeps it
   proto  the server speaks, and does not say that it is starting
   auth   our credentials work and an empty round trip is answered
   state  what was asked for is there: sql=, key=, role=, status=, body=

The default is proto, auth if the URL has a password, state if it asks for one.

EXAMPLES:
   inith wait postgres:5432 redis:6379 http://api/health
   inith wait --from-env DATABASE_URL -- python app.py
   inith wait 'postgres://app@db/app#password-file=/run/secrets/db&sql=SELECT 1 FROM ready'
   inith wait --once http://localhost:8080/healthz       a probe without a shell
   inith wait --timeout none --attempt-timeout 1s tcp://broker:9092`

func waitCommand(p *process) *cli.Command {
	const f = flagSet("wait")
	return &cli.Command{
		Name:        "wait",
		Usage:       "wait until every target is ready, then become a command",
		UsageText:   "inith wait [OPTION...] TARGET... [-- CMD ARG...]",
		Description: waitDescription,
		Flags: append([]cli.Flag{
			f.duration("timeout", 5*time.Minute, "give up after this `TIME`, none for never"),
			f.duration("attempt-timeout", probe.DefaultAttemptTimeout, "give up an attempt after this `TIME`"),
			f.duration("interval", 0, "`TIME` between attempts; none: 4 % of the time waited, 10ms to 1s"),
			f.int("successes", 1, "how many attempts must succeed in a row (`N`), 1s or --interval apart"),
			f.bool("once", "make one attempt, as a startupProbe or HEALTHCHECK: exit 0 or 1"),
			f.bool("fail-fast", "end when credentials are refused, instead of trying on slowly"),
			f.string("level", "ask this `LEVEL` of every target: tcp, proto, auth or state"),
			f.strings("from-env", "take a target from the variable `NAME`, or from the file that NAME_FILE names; can be repeated"),
			f.string("proxy", "reach http and https targets through the proxy at this `URL`; *_PROXY is not looked at"),
			f.bool("init", "stay as the init process of CMD: forward signals, reap orphans, return its exit code"),
		}, f.connection()...),
		Action: func(c *cli.Context) error {
			w, err := p.parseWait(c)
			if err != nil {
				return err
			}
			return w.run(c.Context)
		},
	}
}

// A waitJob is `inith wait` with all that the command line says.
type waitJob struct {
	*process
	targets []*probe.Target
	waiter  probe.Waiter
	timeout time.Duration // zero: none
	init    bool

	progress *progress
}

func (p *process) parseWait(c *cli.Context) (*waitJob, error) {
	w := &waitJob{
		process: p, timeout: duration(c, "timeout"), init: c.Bool("init"),
		waiter: probe.Waiter{
			AttemptTimeout: duration(c, "attempt-timeout"), Interval: duration(c, "interval"),
			Successes: c.Int("successes"), Once: c.Bool("once"), FailFast: c.Bool("fail-fast"),
		},
	}
	switch {
	case w.waiter.AttemptTimeout == 0:
		return nil, usagef("--attempt-timeout: an attempt needs a limit")
	case w.waiter.Successes < 1:
		return nil, usagef("--successes: must be 1 or more")
	case w.waiter.Once && w.waiter.Successes > 1:
		return nil, usagef("--once and --successes exclude each other")
	case w.init && p.command == nil:
		return nil, usagef("--init needs a command after --")
	}
	if err := w.lookCommand(); err != nil {
		return nil, err
	}
	o, err := p.targetOptions(c)
	if err != nil {
		return nil, err
	}
	w.targets, err = p.openTargets(c, o)
	w.progress = w.newProgress()
	w.waiter.Notify = w.progress.notify
	return w, err
}

func (p *process) targetOptions(c *cli.Context) (probe.Options, error) {
	o := probe.Options{
		Logger: p.logger(),
	}
	t, err := tlsFlags(c)
	if err != nil {
		return o, err
	}
	o.TLS = probe.TLS(t)
	if name := c.String("level"); name != "" {
		if o.Level, err = probe.ParseLevel(name); err != nil {
			return o, usagef("--level: %w", err)
		}
	}
	o.Proxy, err = p.proxy(c)
	return o, err
}

// openTargets opens all targets, so that every mistake is told before the first
// packet.
func (p *process) openTargets(c *cli.Context, o probe.Options) ([]*probe.Target, error) {
	var targets []*probe.Target
	var errs []error
	open := func(where, raw string, o probe.Options) {
		t, err := probe.Open(raw, o)
		if err != nil {
			errs = append(errs, usagef("%s: %w", where, err))
			return
		}
		targets = append(targets, t)
	}
	for i, raw := range c.Args().Slice() {
		open(fmt.Sprintf("target %d", i+1), raw, o)
	}
	lenient := o
	lenient.DropUnknown = true
	for name := range strings.FieldsSeq(strings.Join(c.StringSlice("from-env"), " ")) {
		raw, err := p.secretVar(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		open("$"+name, raw, lenient)
	}
	if len(targets)+len(errs) == 0 {
		all, _ := p.lookup("INITH_TARGETS")
		for i, raw := range strings.Fields(all) {
			open(fmt.Sprintf("$INITH_TARGETS, target %d", i+1), raw, o)
		}
	}
	if len(targets)+len(errs) == 0 {
		errs = append(errs, usagef("no target: name one, as in inith wait postgres:5432, or set INITH_TARGETS"))
	}
	return targets, errors.Join(errs...)
}

func (w *waitJob) run(ctx context.Context) error {
	start := time.Now()
	runtime.GOMAXPROCS(1) // waiting is sleeping: fewer threads to wake cost a fifth less CPU
	if err := w.wait(ctx); err != nil {
		return err
	}
	if w.command == nil {
		w.terminate(fmt.Sprintf("ready: %d of %d targets after %v", len(w.targets), len(w.targets), time.Since(start).Round(time.Millisecond)))
		return nil
	}
	return w.becomeCommand(ctx, w.init)
}

func (w *waitJob) wait(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx, w.timeout)
	defer cancel()
	stop := w.progress.start()
	defer stop()
	return w.waiter.Wait(ctx, w.targets...)
}
