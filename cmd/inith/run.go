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

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/plan"
)

const runDescription = `Runs the steps of a plan, each as soon as those that it needs are done, then becomes
CMD, if one is given. The first step that fails ends the others and gives the exit
code. All of the plan is checked before anything runs.

PLAN is a YAML file, - for the standard input, or $INITH_RUN_PLAN: a path or the plan
itself. A step has a name, needs, timeout, retries, and one of these:

%s
Each has the options of its command, in camel case; a list is short for the main one.
${NAME} and ${file:/run/secrets/x} in its texts stand for a variable (or what is in
the file that NAME_FILE names) and for what is in a file; $$ is $.

   steps:
   - {name: database, wait: [postgres://db:5432/app], timeout: 5m}
   - name: model
     fetch: {url: https://models.example.com/v2.bin, to: /models/v2.bin, sha256: 9f86d081...}
   - name: schema
     needs: [database]
     migrate: {lockFromEnv: DATABASE_URL, command: [python, manage.py, migrate, --noinput]}
   - {name: warm, needs: [model, schema], exec: [/app/warm, --model, /models/v2.bin]}

EXAMPLES:
   inith run plan.yaml -- python app.py
   inith run plan.yaml --dry-run
   inith run plan.yaml --timeline /out/start-up.svg --report /out/start-up.json`

func runHelp() string {
	var b strings.Builder
	for _, k := range new(process).stepKinds() {
		fmt.Fprintf(&b, "   %-9s %s\n", k.Name, k.Usage)
	}
	return fmt.Sprintf(runDescription, b.String())
}

func runCommand(p *process) *cli.Command {
	const f = flagSet("run")
	return &cli.Command{
		Name:        "run",
		Usage:       "run a graph of steps: waits, downloads, checks, templates, migrations, commands",
		UsageText:   "inith run [OPTION...] PLAN.yaml [-- CMD ARG...]",
		Description: runHelp(),
		Flags: []cli.Flag{
			f.bool("dry-run", "check the plan, and print what each step would do"),
			f.duration("timeout", 0, "give up after this `TIME`"),
			f.string("timeline", "draw when each step ran, as SVG, into this `FILE`"),
			f.string("report", "write what became of each step, as JSON, into this `FILE`"),
			f.bool("init", "stay as the init process of CMD: forward signals, reap orphans, return its exit code"),
		},
		Action: func(c *cli.Context) error {
			j, err := p.parseRun(c)
			if err != nil {
				return err
			}
			if c.Bool("dry-run") {
				return j.print()
			}
			return j.run(c.Context)
		},
	}
}

// A runJob is `inith run` with all that the command line says.
type runJob struct {
	*process

	plan             plan.Plan
	view             planView
	timeout          time.Duration // zero: none
	timeline, report string        // paths; "" for none
	init             bool
}

func (p *process) parseRun(c *cli.Context) (*runJob, error) {
	if err := p.lookCommand(); err != nil {
		return nil, err
	}
	j := &runJob{
		process: p, timeout: duration(c, "timeout"), timeline: c.String("timeline"), report: c.String("report"),
		init: c.Bool("init"),
	}
	j.view, p.steps = p.newPlanView(c.Bool("dry-run"))
	if j.init && p.command == nil {
		return nil, usagef("--init needs a command after --")
	}
	for flag, path := range map[string]string{"timeline": j.timeline, "report": j.report} {
		if info, err := os.Stat(filepath.Dir(path)); path != "" && (err != nil || !info.IsDir()) {
			return nil, usagef("--%s: the folder of %q is not there", flag, path)
		}
	}
	name, text, err := p.readPlan(c.Args().Slice())
	if err != nil {
		return nil, err
	}
	file, nodes, err := p.openPlan(c.Context, name, text)
	if err != nil {
		return nil, err
	}
	j.timeout = orElse(j.timeout, file.timeout)
	j.plan = plan.Plan{Name: name, Nodes: nodes, Notify: j.view.notify}
	return j, nil
}

// print prints the graph.
func (j *runJob) print() error {
	var b strings.Builder
	for _, n := range j.plan.Nodes {
		fmt.Fprintf(&b, "%s: %s", n.Name, n.Kind)
		if len(n.Needs) > 0 {
			b.WriteString(", after " + strings.Join(n.Needs, ", "))
		}
		if n.Timeout > 0 {
			b.WriteString(", at most " + shortDuration(n.Timeout))
		}
		if n.Retries > 0 {
			b.WriteString(", " + count(n.Retries+1, "attempt"))
		}
		if job, ok := n.Step.(stepJob); ok {
			b.WriteString("\n    " + job.describe())
		}
		b.WriteString("\n")
	}
	if j.command != nil {
		b.WriteString("then: " + words(j.command) + "\n")
	}
	_, err := io.WriteString(j.stdout, b.String())
	return err
}

func (j *runJob) run(ctx context.Context) error {
	report, err := j.runPlan(ctx)
	j.view.end(report)
	if err := j.write(report, err); err != nil {
		j.logger().WarnContext(ctx, "not written", "err", err)
	}
	if err != nil {
		return err
	}
	if j.command != nil {
		return j.becomeCommand(ctx, j.init)
	}
	j.terminate(fmt.Sprintf("ran: %s in %v", count(len(report.Steps), "step"), report.Elapsed.Round(time.Millisecond)))
	return nil
}

func (j *runJob) runPlan(ctx context.Context) (plan.Report, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	j.view.begin(j.plan.Nodes, j.timeout)
	every := heartbeat
	if j.live() {
		every = redraw
	}
	stop := retry.Every(every, j.view.beat)
	defer stop()
	return j.plan.Run(ctx)
}

// write writes the files that were asked for. That one cannot be written is no reason
// for the application not to start.
func (j *runJob) write(r plan.Report, failed error) error {
	var errs []error
	if j.timeline != "" {
		errs = append(errs, writeWhole(j.timeline, r.SVG()))
	}
	if j.report != "" {
		errs = append(errs, writeWhole(j.report, reportJSON(r, failed)))
	}
	return errors.Join(errs...)
}

func writeWhole(path string, b []byte) error {
	f, err := atomicfile.Create(path, 0o666)
	if err == nil {
		if _, err = f.Write(b); err == nil {
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
