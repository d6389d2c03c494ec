package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/cgroup"
	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/tasks/validate"
)

const validateDescription = `Finds what is wrong with configuration before the application starts on it, then
becomes CMD, if one is given. All problems are told in one run, each with file, line
and column. No value of a file or a variable is ever shown.

FILE is YAML, JSON, JSONC, TOML, dotenv or PEM, by its extension; of any other it is
only looked whether it is there, regular, not empty and readable. A folder, such as
a mounted ConfigMap, stands for the files in it.

   looks at         as asked by
   files            FILE, --mode-max, --as, --appear-within
   what is in them  FILE, --require, --schema, --yaml-compat
   secret files     --secret
   variables        --require-env
   certificates     FILE, -f: "tls" in the rules

The rules in rules.yaml can ask for more than options can; "inith schema rules" prints its JSON
Schema. Variables are those of inith: give it the same as the application.

EXAMPLES:
   inith validate /config/app.yaml --require model --secret /secrets/api-key
   inith validate /config/ --as 1000:1000,2000 --mode-max 0440
   inith validate --require-env DATABASE_URL --require-env API_KEY -- python app.py
   inith validate -f /etc/inith/rules.yaml --appear-within 30s
   inith validate deploy/*.yaml --format github`

func validateCommand(p *process) *cli.Command {
	const f = flagSet("validate")
	return &cli.Command{
		Name:        "validate",
		Usage:       "find mistakes in configuration, secret files and the environment",
		UsageText:   "inith validate [OPTION...] FILE... [-- CMD ARG...]\n   inith validate [OPTION...] -f rules.yaml [FILE...] [-- CMD ARG...]",
		Description: validateDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, EnvVars: f.env("file"), Usage: "make the checks of this YAML `FILE` (- is the standard input)"},
			f.strings("require", "`FILE:KEY` has to have a value, such as app.yaml:server.port; with one FILE, KEY will do; can be repeated"),
			f.string("schema", "the JSON Schema (`FILE`) that FILE has to match"),
			f.strings("secret", "`FILE` holds a secret, and nothing around it; can be repeated"),
			f.strings("require-env", "the variable `NAME` has to have a value; can be repeated"),
			f.string("as", "who has to be able to read the files: `UID[:GID[,GROUP...]]`"),
			f.string("mode-max", "the widest permission bits of the files (`OCTAL`)"),
			f.string("yaml-compat", "find what a parser of this `VERSION` of YAML reads in another way: 1.1"),
			f.duration("appear-within", 0, "how long files may be missing or empty (`TIME`)"),
			f.string("format", "write the problems in this `FORMAT`: text (default), json or github"),
			f.duration("timeout", 5*time.Minute, "give up after this `TIME`, none for never"),
			f.bool("init", "stay as the init process of CMD: forward signals, reap orphans, return its exit code"),
		},
		Action: func(c *cli.Context) error {
			j, err := p.parseValidate(c)
			if err != nil {
				return err
			}
			return j.run(c.Context)
		},
	}
}

// A validateJob is `inith validate` with all that the command line says.
type validateJob struct {
	*process
	validator *validate.Validator
	format    string
	timeout   time.Duration // zero: none
	init      bool
}

func (p *process) parseValidate(c *cli.Context) (*validateJob, error) {
	if err := p.lookCommand(); err != nil {
		return nil, err
	}
	if c.Bool("init") && p.command == nil {
		return nil, usagef("--init needs a command after --")
	}
	return p.newValidateJob(c, validate.Rules{})
}

// newValidateJob validates by the options, and by rules besides.
func (p *process) newValidateJob(c *cli.Context, besides validate.Rules) (*validateJob, error) {
	format, err := findingsFormat(c.String("format"))
	if err != nil {
		return nil, err
	}
	j := &validateJob{process: p, format: format, timeout: duration(c, "timeout"), init: c.Bool("init")}
	rules, err := rulesOf(c, besides)
	if err != nil {
		return nil, err
	}
	if len(rules.Files)+len(rules.TLS)+len(rules.Env) == 0 {
		return nil, usagef("nothing to validate: name a FILE, as in inith validate app.yaml, or -f rules.yaml")
	}
	j.validator = &validate.Validator{Rules: rules, Lookup: p.variable}
	return j, nil
}

func (j *validateJob) run(ctx context.Context) error {
	report, err := j.validate(ctx)
	if len(report.Findings) > 0 || err == nil && j.format == "json" {
		if err := j.printFindings(report); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("validate: %w", err)
	case len(report.Findings) > 0:
		return &findingsError{report.Findings}
	case j.command != nil:
		return j.becomeCommand(ctx, j.init)
	}
	j.terminate(validated(report))
	return nil
}

func (j *validateJob) validate(ctx context.Context) (validate.Report, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	if limit, ok := cgroup.Cgroup(os.DirFS("/")); ok {
		debug.SetMemoryLimit(limit.Max / 4 * 3)
	}
	start := time.Now()
	stop := j.watch(start)
	report, err := j.runWithin(ctx)
	stop()
	if err == nil {
		j.told(report, time.Since(start))
	}
	return report, err
}

// runWithin does not wait long for a file system that does not answer, nor for a
// large file, when the time is over: this process ends then.
func (j *validateJob) runWithin(ctx context.Context) (validate.Report, error) {
	const grace = time.Second
	type result struct {
		report validate.Report
		err    error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer crash.Recover(&r.err)
		r.report, r.err = j.validator.Run(ctx)
	}()
	select {
	case r := <-done:
		return r.report, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.report, r.err
	case <-time.After(grace):
		return validate.Report{}, context.Cause(ctx)
	}
}

// watch tells that a validation has begun, and until stop what it waits for.
func (j *validateJob) watch(start time.Time) (stop func()) {
	log := j.logger()
	if !j.live() {
		r := j.validator.Rules
		log.Info("validating", "files", len(r.Files), "certificates", len(r.TLS), "variables", len(r.Env), "timeout", shortDuration(j.timeout))
	}
	return retry.Every(heartbeat, func() {
		for _, path := range j.validator.Awaited() {
			log.Info("still waiting", "path", path, "elapsed", time.Since(start).Round(time.Second).String(), "err", "it is not there, or empty")
		}
	})
}

// told tells how a validation has ended.
func (j *validateJob) told(r validate.Report, elapsed time.Duration) {
	if !j.live() {
		j.logger().Info("validated", "files", r.Files, "checks", r.Checks, "problems", len(r.Findings), "elapsed", elapsed.Round(time.Millisecond).String())
	} else if len(r.Findings) == 0 {
		_, _ = fmt.Fprintln(j.stderr, "inith:", validated(r))
	}
}

// validated is the outcome when nothing was found.
func validated(r validate.Report) string {
	return fmt.Sprintf("validated: %s, %s", count(r.Files, "file"), count(r.Checks, "check"))
}

// count writes "1 file", "2 files".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// A findingsError says that a validation has found problems.
type findingsError struct{ findings []validate.Finding }

func (e *findingsError) Error() string {
	paths := map[string]bool{}
	variables := 0
	for _, f := range e.findings {
		if strings.HasPrefix(f.Path, "$") && !paths[f.Path] {
			variables++
		}
		paths[f.Path] = true
	}
	var in []string
	if files := len(paths) - variables; files > 0 {
		in = append(in, count(files, "file"))
	}
	if variables > 0 {
		in = append(in, count(variables, "variable"))
	}
	return fmt.Sprintf("%s in %s", count(len(e.findings), "problem"), strings.Join(in, " and "))
}

// isFindings returns the problems that err is about, nil if it is about none.
func isFindings(err error) []validate.Finding {
	if e, ok := errors.AsType[*findingsError](err); ok {
		return e.findings
	}
	return nil
}
