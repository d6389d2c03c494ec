package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/tasks/validate"
)

const validateDescription = `Finds what is wrong with configuration before the application starts with it, then
becomes CMD, if one is given. It reports all problems in one run, each with file,
line and column. It never shows a value of a file or of a variable.

FILE is YAML, JSON, JSONC, TOML, dotenv or PEM, by its extension. Of any other file
inith checks that it exists, is regular, not empty and readable. A directory, such
as a mounted ConfigMap, stands for the files in it.

   checks                 asked for by
   files                  FILE, --mode-max, --readable-by, --appear-within
   their content          FILE, --require, --schema, --yaml-compat
   secret files           --secret
   environment variables  --require-env
   certificates           --rules: "tls"

Rules in a file can ask for more than options can: "inith schema rules" prints the
JSON Schema. inith checks its own environment: give it that of the application.

EXAMPLES:
   inith validate /config/app.yaml --require model --secret /secrets/api-key
   inith validate /config/ --readable-by 1000:1000,2000 --mode-max 0440
   inith validate --require-env DATABASE_URL -- python app.py
   inith validate -f /etc/inith/rules.yaml --appear-within 30s
   inith validate deploy/*.yaml --format github`

// validateOptions are the options of validate, and of a validate step of a plan.
type validateOptions struct {
	files                        []string // FILE arguments
	rules                        validate.Rules
	rulesFile                    string // "" for none
	require, secrets, requireEnv []string
	schema, inputFormat          string
	templates                    bool
	readableBy                   *validate.Identity
	modeMax                      fs.FileMode
	yamlCompat                   string // "", "1.1" or "1.2"
	appearWithin, timeout        time.Duration
	format                       string
}

// fileArguments are the options for a FILE of the command line; a step has entries of "files" for them.
func fileArguments() []option.Option[*validateOptions] {
	type o = validateOptions
	return []option.Option[*o]{
		{
			Arg: "FILE", Key: option.NoKey, Kind: option.Strings,
			Usage: "files to check",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.files }),
		},
		{
			Flag: "require", Key: option.NoKey, Kind: option.Strings,
			Usage: "`FILE:KEY` must have a value, such as app.yaml:server.port; with one FILE, KEY suffices; several KEYs are separated by commas",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.require }),
		},
		{
			Flag: "schema", Key: option.NoKey,
			Usage: "the JSON Schema (`FILE`) that FILE must match",
			Set:   option.ToString(func(o *o) *string { return &o.schema }),
		},
		{
			Flag: "input-format", Key: option.NoKey, Choices: validate.FormatNames(),
			Usage: "each FILE has this `FORMAT`, whatever its name",
			Set:   option.ToString(func(o *o) *string { return &o.inputFormat }),
		},
		{
			Flag: "templates", Key: option.NoKey, Kind: option.Bool,
			Usage: "the files contain templates on purpose",
			Set:   option.ToBool(func(o *o) *bool { return &o.templates }),
		},
		{
			Flag: "ignore", Key: option.NoKey, Kind: option.Strings,
			Usage: "do not report the problems of this `RULE`",
			Set:   rulesfile.ToRules(func(o *o) *[]string { return &o.rules.Ignore }),
		},
		{
			Flag: "format", Key: option.NoKey, Default: "text", Choices: view.FindingsFormats(),
			Usage: "write the problems in this `FORMAT`",
			Set:   option.ToString(func(o *o) *string { return &o.format }),
		},
	}
}

// sharedChecks are the options of the command line and of a step.
func sharedChecks() []option.Option[*validateOptions] {
	type o = validateOptions
	return []option.Option[*o]{
		{
			Flag: "rules", Letter: "f", Old: []string{"file"},
			Usage: "run the checks of this YAML `FILE` (- is the standard input)",
			Set:   option.ToString(func(o *o) *string { return &o.rulesFile }),
		},
		{
			Flag: "secret", Key: "secret", Kind: option.StringOrStrings,
			Usage: "`FILE` contains a secret, and nothing around it",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.secrets }),
		},
		{
			Flag: "require-env", Key: "requireEnv", Kind: option.StringOrStrings,
			Usage: "the environment variable `NAME` must have a value",
			Set: func(o *o, v option.Value) error {
				o.requireEnv = append(o.requireEnv, environment.Names(v.Str)...)
				return nil
			},
		},
		{
			Flag: "readable-by", Old: []string{"as"}, Kind: option.Digits,
			Usage: "who must be able to read the files: `UID[:GID[,GROUP...]]`",
			Set:   option.Parsed(validate.ParseIdentity, func(o *o) **validate.Identity { return &o.readableBy }),
		},
		{
			Flag: "mode-max", Kind: option.Digits,
			Usage: "maximum permission bits of the files (`OCTAL`)",
			Set:   option.Parsed(option.Mode, func(o *o) *fs.FileMode { return &o.modeMax }),
		},
		{
			Flag: "yaml-compat", Kind: option.Digits, Choices: []string{"1.1", "1.2"},
			Usage: "find what a parser of this `VERSION` of YAML reads differently: 1.1",
			Set:   option.ToString(func(o *o) *string { return &o.yamlCompat }),
		},
		{
			Flag: "appear-within", Kind: option.Duration, Default: "none",
			Usage: "how long files may be missing or empty (`TIME`)",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.appearWithin }),
		},
		{
			Flag: "timeout", Letter: "t", Kind: option.Duration, Default: "5m",
			Usage: "give up after this `TIME`, none for never",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.timeout }),
		},
	}
}

func validateCommand(c *call) *definition {
	return define(c, spec[*validateOptions]{
		usage:       []string{"inith validate [OPTION...] FILE... [-- CMD ARG...]", "inith validate [OPTION...] -f rules.yaml [FILE...] [-- CMD ARG...]"},
		description: func() string { return validateDescription },
		exits:       [][2]string{{"3", "inith found problems"}},
		child:       becomesChild,
		table:       option.Table[*validateOptions]{Options: append(fileArguments(), sharedChecks()...)},
		open: func(_ context.Context, s session, o *validateOptions, given option.Given) (job, error) {
			return openValidate(s, o, given)
		},
	})
}

func validateStepTable() option.Table[*validateOptions] {
	rules := option.Within(rulesfile.Table().Options, func(o *validateOptions) *validate.Rules { return &o.rules })
	return option.Table[*validateOptions]{Options: append(rules, sharedChecks()...), Short: "files"}
}

// validateStep is validate as a step of a plan.
func validateStep(r *runner) planfile.Kind {
	table := validateStepTable()
	table.Environment = option.Environment{Command: "validate", Lookup: r.env.Lookup}
	return kindOf(r, "validate", "find problems in configuration", table,
		func(_ context.Context, s session, o *validateOptions, given option.Given) (planfile.Job, error) {
			return openValidate(s, o, given)
		})
}

func (o *validateOptions) noTimeout() { o.timeout = 0 }

// A validateJob is a validation that is ready to run.
type validateJob struct {
	session   session
	validator *validate.Validator
	format    string
	timeout   time.Duration // zero: none
}

func openValidate(s session, o *validateOptions, given option.Given) (*validateJob, error) {
	rules, err := o.allRules(given)
	if err != nil {
		return nil, err
	}
	if len(rules.Files)+len(rules.TLS)+len(rules.Env) == 0 {
		return nil, errors.New("nothing to validate: name a FILE, as in inith validate app.yaml, or -f rules.yaml")
	}
	return &validateJob{
		session: s, validator: &validate.Validator{Rules: rules, Lookup: s.env.Get}, format: o.format, timeout: o.timeout,
	}, nil
}

func (j *validateJob) run(ctx context.Context) (outcome string, err error) {
	report, err := j.validate(ctx)
	if len(report.Findings) > 0 || err == nil && j.format == "json" {
		to := j.session.Stdout
		if j.session.child != nil { // stdout is that of CMD
			to = j.session.Stderr
		}
		if err := view.WriteFindings(to, j.format, report); err != nil {
			return "", err
		}
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("validate: %w", err)
	case len(report.Findings) > 0:
		return "", &findingsError{report.Findings}
	}
	return validated(report), nil
}

func (j *validateJob) validate(ctx context.Context) (validate.Report, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	start := time.Now()
	stop := j.watch(ctx, start)
	report, err := j.runWithin(ctx)
	stop()
	if err == nil {
		j.logReport(ctx, report, time.Since(start))
	}
	return report, err
}

// runWithin does not wait for a file system that does not answer, nor for a large file, once the time is over: this
// process ends then.
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

// watch logs that a validation has begun, and until stop what it waits for.
func (j *validateJob) watch(ctx context.Context, start time.Time) (stop func()) {
	log, r := j.session.Log, j.validator.Rules
	log.InfoContext(ctx, "validating", "files", len(r.Files), "certificates", len(r.TLS), "variables", len(r.Env), "timeout", duration.FormatLimit(j.timeout))
	return retry.Every(view.Heartbeat, func() {
		for _, path := range j.validator.Awaited() {
			log.InfoContext(ctx, "still waiting", "path", path, "elapsed_seconds", view.Seconds(time.Since(start)), "err", "it is missing or empty")
		}
	})
}

// logReport logs how a validation has ended.
func (j *validateJob) logReport(ctx context.Context, r validate.Report, elapsed time.Duration) {
	for _, path := range r.Unread {
		j.session.Log.WarnContext(ctx, "content not checked: inith does not read this format", "path", path)
	}
	j.session.Log.InfoContext(ctx, "validated", "files", r.Files, "checks", r.Checks, "problems", len(r.Findings), "elapsed_seconds", view.Seconds(elapsed))
	if j.session.Live() && len(r.Findings) == 0 {
		j.session.Say("%s", validated(r))
	}
}

// validated is the outcome when nothing was found.
func validated(r validate.Report) string {
	return fmt.Sprintf("validated: %s, %s", view.Count(r.Files, "file"), view.Count(r.Checks, "check"))
}

// Run validates, as a step of a plan: it writes problems to stderr.
func (j *validateJob) Run(ctx context.Context) error {
	report, err := j.validate(ctx)
	if err != nil || len(report.Findings) == 0 {
		return err
	}
	if err := view.WriteFindings(j.session.Stderr, "text", report); err != nil {
		return err
	}
	return &findingsError{report.Findings}
}

// Describe returns what the step would check.
func (j *validateJob) Describe() string {
	var all []string
	for _, f := range j.validator.Rules.Files {
		all = append(all, f.Path)
	}
	for _, t := range j.validator.Rules.TLS {
		all = append(all, cmp.Or(t.Cert, t.Key))
	}
	for _, e := range j.validator.Rules.Env {
		all = append(all, "$"+e.Name)
	}
	return strings.Join(all, ", ")
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
		in = append(in, view.Count(files, "file"))
	}
	if variables > 0 {
		in = append(in, view.Count(variables, "variable"))
	}
	return fmt.Sprintf("%s in %s", view.Count(len(e.findings), "problem"), strings.Join(in, " and "))
}

// isFindings returns the problems that err is about, nil if it is about none.
func isFindings(err error) []validate.Finding {
	if e, ok := errors.AsType[*findingsError](err); ok {
		return e.findings
	}
	return nil
}
