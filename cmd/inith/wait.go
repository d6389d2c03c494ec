package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/shellwords"
	"github.com/inith/inith/probe"
)

const waitDescription = `Waits until every TARGET is ready, then becomes CMD, if one is given.

TARGET is host:port or a URL: %s. Its query belongs to the protocol, its fragment to inith: #level=auth&timeout=1s.
Without a TARGET, inith waits for those in $INITH_TARGETS, separated by spaces.

   level  a target is ready when
   tcp    the port accepts a connection and keeps it
   proto  the server answers its protocol and does not report that it is still
          starting
   auth   the login succeeds and a trivial query (SELECT 1, PING) is answered
   state  what was asked for is present: sql=, key=, topic=, model=, status=, …

The default is proto; auth if the URL has a password; state if it asks for one.

EXAMPLES:
   inith wait postgres:5432 redis:6379 http://api/health
   inith wait --from-env DATABASE_URL -- python app.py
   inith wait 'postgres://app@db/app#password-file=/run/secrets/db'
   inith wait job/migrate service/db      objects of Kubernetes, see inith rbac
   inith wait --once http://localhost:8080/healthz       a probe without a shell
   inith wait --timeout none --attempt-timeout 1s tcp://broker:9092
   inith wait --any redis://a redis://b                  one of them is enough
   inith wait --until-down old-server:8080               until nothing answers
   inith wait db:5432 --exec 'test -e /data/x'           and a command exits 0`

func waitHelp() string {
	var kinds []string
	for _, k := range probe.Kinds() {
		kinds = append(kinds, k.Name)
	}
	return fmt.Sprintf(waitDescription, strings.Join(kinds, ", "))
}

// waitOptions are the options of wait, and of a wait step of a plan.
type waitOptions struct {
	targets, fromEnv                  []string
	timeout, attemptTimeout, interval time.Duration // zero: none
	successThreshold                  int
	commands                          [][]string // of --exec
	once, failFast, any, untilDown    bool
	level                             probe.Level
	mesh                              string // "": none
	connection                        connection
}

func waitTable(env environment.Variables) option.Table[*waitOptions] {
	type o = waitOptions
	rows := []option.Option[*o]{
		{
			Arg: "TARGET", Key: "targets", Kind: option.StringOrStrings,
			Usage: "what to wait for: host:port or URLs",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.targets }),
		},
		{
			Flag: "timeout", Letter: "t", Kind: option.Duration, Default: "5m",
			Usage: "give up after this `TIME`, none for never",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.timeout }),
		},
		{
			Flag: "attempt-timeout", Kind: option.Duration, Default: duration.Format(probe.DefaultAttemptTimeout),
			Usage: "give up an attempt after this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.attemptTimeout }),
		},
		{
			Flag: "interval", Kind: option.Duration, DefaultText: "4 % of the time waited, 10ms to 1s",
			Usage: "`TIME` between two attempts",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.interval }),
		},
		{
			Flag: "success-threshold", Old: []string{"successes"}, Kind: option.Integer, Default: "1",
			Usage: "how many consecutive attempts must succeed (`N`), 1s or --interval apart",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.successThreshold }),
		},
		{
			Flag: "once", Key: option.NoKey, Kind: option.Bool,
			Usage: "make one attempt, as a startupProbe or HEALTHCHECK: exit 0 or 1",
			Set:   option.ToBool(func(o *o) *bool { return &o.once }),
		},
		{
			Flag: "fail-fast", Kind: option.Bool,
			Usage: "end when credentials are refused, instead of retrying slowly",
			Set:   option.ToBool(func(o *o) *bool { return &o.failFast }),
		},
		{
			Flag: "any", Kind: option.Bool,
			Usage: "end when one of the targets is ready",
			Set:   option.ToBool(func(o *o) *bool { return &o.any }),
		},
		{
			Flag: "until-down", Kind: option.Bool,
			Usage: "wait until nothing answers at the targets any more",
			Set:   option.ToBool(func(o *o) *bool { return &o.untilDown }),
		},
		{
			// No variable: one that a Pod spec or an image sets must not run code.
			Flag: "exec", Key: option.NoKey, NoVariable: true, Kind: option.StringOrStrings,
			Usage: "wait until this `CMD` exits with 0 too; split as a shell splits words, run without a shell",
			Set: func(o *o, v option.Value) error {
				argv, err := shellwords.Split(v.Str)
				o.commands = append(o.commands, argv)
				return err
			},
		},
		{
			Flag: "level", Choices: []string{"tcp", "proto", "auth", "state"},
			Usage: "ask this `LEVEL` of every target: tcp, proto, auth or state",
			Set:   option.Parsed(probe.ParseLevel, func(o *o) *probe.Level { return &o.level }),
		},
		meshOption(),
		{
			Flag: "from-env", Key: "fromEnv", Kind: option.StringOrStrings,
			Usage: "take a target from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set: func(o *o, v option.Value) error {
				o.fromEnv = append(o.fromEnv, environment.Names(v.Str)...)
				return nil
			},
		},
	}
	reached := connectionOptions(env, "reach http and https targets through the proxy at this `URL`; inith ignores *_PROXY here")
	return option.Table[*o]{
		Options: append(rows, option.Within(reached, func(o *o) *connection { return &o.connection })...),
		Short:   "targets",
		Check:   checkWait,
	}
}

func checkWait(o *waitOptions, given option.Given) error {
	switch {
	case o.attemptTimeout == 0:
		return given.Errorf("attempt-timeout", "an attempt needs a limit")
	case o.once && o.successThreshold > 1:
		return given.Excluding("once", "success-threshold")
	case o.untilDown && o.failFast:
		return given.Excluding("until-down", "fail-fast")
	case o.untilDown && o.mesh != "":
		return given.Excluding("until-down", "mesh")
	case o.untilDown && o.connection.proxy != nil:
		return given.Errorf("until-down", "a proxy answers even if the target does not")
	}
	return o.connection.check(given)
}

func waitCommand(c *call) *definition {
	return define(c, spec[*waitOptions]{
		usage:       []string{"inith wait [OPTION...] TARGET... [-- CMD ARG...]"},
		description: waitHelp,
		child:       becomesChild,
		events:      true,
		table:       waitTable(c.env),
		open: func(_ context.Context, s session, o *waitOptions, _ option.Given) (job, error) {
			return openWait(s, o)
		},
	})
}

// waitStep is wait as a step of a plan.
func waitStep(r *runner) planfile.Kind {
	return kindOf(r, "wait", "wait until targets are ready", waitTable(r.env),
		func(_ context.Context, s session, o *waitOptions, _ option.Given) (planfile.Job, error) {
			return openWait(s, o)
		})
}

func (o *waitOptions) noTimeout() { o.timeout = 0 }

// A waitJob is a wait that is ready to run.
type waitJob struct {
	session session
	targets []*probe.Target
	waiter  probe.Waiter
	timeout time.Duration // zero: none
	view    *view.Wait
	mesh    *mesh // nil: none
}

func openWait(s session, o *waitOptions) (*waitJob, error) {
	if o.once {
		s.Output = s.WithoutRows()
	}
	targets, err := openTargets(s, o)
	if err != nil {
		return nil, err
	}
	w := &waitJob{session: s, timeout: o.timeout}
	if o.mesh != "" {
		var proxy *probe.Target
		w.mesh, proxy = newMesh(o.mesh, s.Log)
		targets = append([]*probe.Target{proxy}, targets...)
	}
	w.targets, w.view = targets, view.NewWait(s.Output, targets, o.timeout, o.once)
	w.waiter = probe.Waiter{
		AttemptTimeout: o.attemptTimeout, Interval: o.interval, Successes: o.successThreshold, Once: o.once, FailFast: o.failFast, Any: o.any,
		Parallel: attemptsAtOnce(len(targets)), Notify: w.view.Notify,
	}
	return w, nil
}

func (w *waitJob) run(ctx context.Context) (outcome string, err error) {
	start := time.Now()
	err = w.Run(ctx)
	return fmt.Sprintf("%s: %d of %d targets after %v", w.targets[len(w.targets)-1].Goal(), w.view.Reached(), len(w.targets), time.Since(start).Round(time.Millisecond)), err
}

// Run waits.
func (w *waitJob) Run(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx, w.timeout)
	defer cancel()
	stop := w.view.Start()
	defer stop()
	if w.mesh == nil {
		return w.waiter.Wait(ctx, w.targets...)
	}
	if err := w.waiter.Wait(ctx, w.targets[0]); err != nil { // until then, nothing reaches the network
		return err
	}
	others := w.waiter
	others.Notify = func(e probe.Event) {
		e.Index++
		w.view.Notify(e)
	}
	return others.Wait(ctx, w.targets[1:]...)
}

// commandEnded ends the proxy of the mesh.
func (w *waitJob) commandEnded() {
	if w.mesh != nil {
		w.mesh.end()
	}
}

// Describe returns what the wait would do.
func (w *waitJob) Describe() string {
	var targets []string
	for _, t := range w.targets {
		targets = append(targets, t.Name+" at level "+t.Level.String())
	}
	return strings.Join(targets, ", ") + "; timeout " + duration.FormatLimit(w.timeout)
}

// Status returns how many targets are ready.
func (w *waitJob) Status() string { return w.view.Status() }
