package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/plan"
)

const runDescription = `Runs the steps of a plan, each as soon as those that it needs are done, then becomes
CMD, if one is given. The first step that fails ends the others and gives the exit
code. inith checks the whole plan before anything runs.

PLAN is a YAML file, - for the standard input, or $INITH_RUN_PLAN: a path or the plan
itself. A step has a name, needs, timeout, retries, and one of these:

%s
Each has the options of its command, in camel case; a list is short for the main one.
${NAME} stands for an environment variable (or the content of the file that NAME_FILE
names), ${file:/run/secrets/x} for the content of a file, and $$ for a dollar sign.

   steps:
   - {name: database, wait: [postgres://db:5432/app], timeout: 5m}
   - name: model
     fetch: {url: https://models.example.com/v2.bin, to: /models/v2.bin}
   - name: schema
     needs: [database]
     migrate: {lockFromEnv: DATABASE_URL, command: [python, manage.py, migrate]}
   - {name: warm, needs: [model, schema], exec: [/app/warm]}

EXAMPLES:
   inith run plan.yaml -- python app.py
   inith run plan.yaml --dry-run
   inith run plan.yaml --timeline /out/start-up.svg --report /out/start-up.json`

// stepKinds returns what a step can do.
func stepKinds(r *runner) []planfile.Kind {
	return []planfile.Kind{waitStep(r), fetchStep(r), validateStep(r), renderStep(r), migrateStep(r), execStep(r), filesStep(r)}
}

// A runner makes the steps of a plan.
type runner struct {
	env  environment.Variables
	view view.Plan // nil while only the table is wanted
}

// kindOf makes a kind of step of a table of options and the function that opens its job.
func kindOf[P any](r *runner, name, usage string, table option.Table[P], open func(context.Context, session, P, option.Given) (planfile.Job, error)) planfile.Kind {
	table.Environment = option.Environment{Command: name, Lookup: r.env.Lookup}
	return planfile.NewKind(name, usage, table, func(ctx context.Context, s *planfile.Step, o P, given option.Given) (planfile.Job, error) {
		out := r.view.Step(s.Name)
		logRenamed(out.Lines, given)
		bounded, ok := any(o).(interface{ noTimeout() })
		if ok && s.Timeout > 0 && given.Origin("timeout") == option.FromDefault {
			bounded.noTimeout() // the step has a timeout of its own
		}
		return open(ctx, session{Output: out, env: r.env}, o, given)
	})
}

func runHelp() string {
	var b strings.Builder
	for _, k := range stepKinds(&runner{}) {
		fmt.Fprintf(&b, "   %-9s %s\n", k.Key, k.Usage)
	}
	return fmt.Sprintf(runDescription, b.String())
}

// runOptions are the options of run.
type runOptions struct {
	plan             string // path; "" for that in the environment
	dryRun           bool
	timeout          time.Duration // zero: none
	timeline, report string        // paths; "" for none
}

func runTable() option.Table[*runOptions] {
	type o = runOptions
	return option.Table[*o]{Options: []option.Option[*o]{
		{
			Arg: "PLAN", Key: option.NoKey,
			Usage: "the plan",
			Set:   option.ToString(func(o *o) *string { return &o.plan }),
		},
		{
			Flag: "dry-run", Key: option.NoKey, Kind: option.Bool,
			Usage: "check the plan, and print what each step would do",
			Set:   option.ToBool(func(o *o) *bool { return &o.dryRun }),
		},
		{
			Flag: "timeout", Letter: "t", Key: option.NoKey, Kind: option.Duration, DefaultText: "that of the plan, else none",
			Usage: "give up after this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.timeout }),
		},
		{
			Flag: "timeline", Key: option.NoKey,
			Usage: "draw when each step ran, as SVG, into this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.timeline }),
		},
		{
			Flag: "report", Key: option.NoKey,
			Usage: "write the outcome of each step, as JSON, to this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.report }),
		},
	}, Check: func(o *o, given option.Given) error {
		if len(given.Args) > 1 {
			return fmt.Errorf("want one PLAN, got %d", len(given.Args))
		}
		for id, path := range map[string]string{"timeline": o.timeline, "report": o.report} {
			if path != "" && !isDirectory(filepath.Dir(path)) {
				return given.Errorf(id, "the directory of %q is missing", path)
			}
		}
		return nil
	}}
}

func runCommand(c *call) *definition {
	return define(c, spec[*runOptions]{
		usage:       []string{"inith run [OPTION...] PLAN.yaml [-- CMD ARG...]"},
		description: runHelp,
		exits:       [][2]string{{"other", "the exit code of the step that failed first, or of CMD"}},
		child:       becomesChild,
		events:      true,
		table:       runTable(),
		open: func(ctx context.Context, s session, o *runOptions, given option.Given) (job, error) {
			return openRun(ctx, s, o, given, c.reporter.json)
		},
	})
}

// A runJob is a plan that is ready to run.
type runJob struct {
	session session
	options *runOptions
	plan    plan.Plan
	view    view.Plan
	timeout time.Duration // zero: none
}

func openRun(ctx context.Context, s session, o *runOptions, given option.Given, jsonLog bool) (job, error) {
	name, text, err := readPlan(s, o.plan)
	if err != nil {
		return nil, err
	}
	r := &runner{env: s.env, view: view.NewPlan(s.Output, jsonLog, o.dryRun)}
	opened, err := planfile.Open(ctx, name, text, s.env, stepKinds(r))
	if err != nil {
		return nil, err
	}
	j := &runJob{
		session: s, options: o, view: r.view, timeout: opened.Timeout,
		plan: plan.Plan{Name: name, Nodes: opened.Nodes, Notify: r.view.Notify},
	}
	if given.Has("timeout") {
		j.timeout = o.timeout
	}
	if o.dryRun {
		return printJob(j.graph), nil
	}
	return j, nil
}

// readPlan reads the plan that an argument or $INITH_RUN_PLAN names, or is.
func readPlan(s session, path string) (name string, text []byte, err error) {
	inEnv, _ := s.env.Lookup("INITH_RUN_PLAN")
	switch {
	case path == "-" && s.child != nil:
		return "", nil, errors.New("PLAN - and a command after -- exclude each other: the standard input is the command's")
	case path != "":
		name = path
	case inEnv == "":
		return "", nil, errors.New("no PLAN: inith run plan.yaml, or set INITH_RUN_PLAN")
	case strings.ContainsAny(inEnv, "\n{"):
		return "$INITH_RUN_PLAN", []byte(inEnv), nil
	default:
		name = inEnv
	}
	text, err = option.ReadFile(name)
	if err != nil {
		return name, nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	if name == "-" {
		name = os.Stdin.Name()
	}
	return name, text, nil
}

// kinds returns what the steps do.
func (j *runJob) kinds() []string {
	var kinds []string
	for _, n := range j.plan.Nodes {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// graph writes what each step would do.
func (j *runJob) graph() error {
	var b strings.Builder
	for _, n := range j.plan.Nodes {
		fmt.Fprintf(&b, "%s: %s", n.Name, n.Kind)
		if len(n.Needs) > 0 {
			b.WriteString(", after " + strings.Join(n.Needs, ", "))
		}
		if n.Timeout > 0 {
			b.WriteString(", at most " + duration.Format(n.Timeout))
		}
		if n.Retries > 0 {
			b.WriteString(", " + view.Count(n.Retries+1, "attempt"))
		}
		if job, ok := n.Step.(planfile.Job); ok {
			b.WriteString("\n    " + job.Describe())
		}
		b.WriteString("\n")
	}
	if j.session.child != nil {
		b.WriteString("then: " + words(j.session.child) + "\n")
	}
	_, err := io.WriteString(j.session.Stdout, b.String())
	return err
}

func (j *runJob) run(ctx context.Context) (outcome string, err error) {
	report, err := j.runPlan(ctx)
	j.view.End(report)
	if err := j.write(report, err); err != nil {
		j.session.Log.WarnContext(ctx, "not written", "err", err)
	}
	return fmt.Sprintf("ran: %s in %v", view.Count(len(report.Steps), "step"), report.Elapsed.Round(time.Millisecond)), err
}

func (j *runJob) runPlan(ctx context.Context) (plan.Report, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	stop := j.view.Start(j.plan.Nodes, j.timeout)
	defer stop()
	return j.plan.Run(ctx)
}

// write writes the files that were asked for. If that fails, the application starts all the same.
func (j *runJob) write(r plan.Report, failed error) error {
	var errs []error
	if path := j.options.timeline; path != "" {
		errs = append(errs, writeWhole(path, r.SVG()))
	}
	if path := j.options.report; path != "" {
		errs = append(errs, writeWhole(path, reportJSON(r, failed)))
	}
	return errors.Join(errs...)
}

func writeWhole(path string, b []byte) error {
	f, err := atomicfile.Create(path, 0o666)
	if err == nil {
		_, err = f.Write(b)
		if err == nil {
			err = f.Commit()
		} else {
			f.Discard()
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, usererr.Local(err))
	}
	return nil
}
