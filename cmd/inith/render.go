package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/tasks/render"
)

const renderDescription = `Renders configuration from templates: variables, values and secret files. If
something is missing, inith reports its position and writes nothing.

SRC is a file, a directory or - for the standard input. In a directory, inith renders
files whose name ends in .tmpl, without that ending, and copies the others. DEST is a
file. With a trailing slash, or if DEST is a directory, inith adds the name of SRC.
DEST "-" prints. inith writes each file as a whole, and only if its content changed.

   {{ .Env.NAME }}                 a variable, or the content of the file that
                                   NAME_FILE names
   {{ .Values.db.port }}           a value of the files of --values
   {{ secret "/run/secrets/db" }}  the content of a file, without the line end

An invalid template is exit 2; a missing variable, value or secret is exit 1. These
functions accept missing values: default, required, coalesce, empty, and, or, not, if
and with. docs/render.md describes the functions.

FUNCTIONS:
%s
EXAMPLES:
   inith render /config-src/app.yaml.tmpl /config/app.yaml
   inith render --values prod.yaml templates/ /etc/app/ -- /app/server
   inith render --rules rules.yaml app.yaml.tmpl /config/app.yaml
   inith render --envsubst --only DB_HOST nginx.conf.template /etc/nginx.conf
   echo 'url: {{ .Env.API_URL | default "http://api" }}' | inith render - -`

// renderOptions are the options of render, and of a render step of a plan.
type renderOptions struct {
	source, dest   string
	values         []string
	envsubst       bool
	only, prefixes []string
	rules          string // "" for none
	mode           fs.FileMode
}

func renderTable() option.Table[*renderOptions] {
	type o = renderOptions
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{
				Arg: "SRC", Key: "src", Required: true,
				Usage: "a template, or a directory of them",
				Set:   option.ToString(func(o *o) *string { return &o.source }),
			},
			{
				Arg: "DEST", Key: "to", Required: true,
				Usage: "the destination: a file or a directory",
				Set:   option.ToString(func(o *o) *string { return &o.dest }),
			},
			{
				Flag: "values", Key: "values", Kind: option.StringOrStrings,
				Usage: "a YAML or JSON `FILE` with values; later files override earlier ones",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.values }),
			},
			{
				Flag: "envsubst", Kind: option.Bool,
				Usage: "SRC is no template: replace only $NAME, ${NAME} and ${NAME:-default}",
				Set:   option.ToBool(func(o *o) *bool { return &o.envsubst }),
			},
			{
				Flag: "only", Key: "only", Kind: option.StringOrStrings,
				Usage: "with --envsubst, replace only these variables (`NAMES`), such as 'A,B' or '$A ${B}'",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.only }),
			},
			{
				Flag: "only-prefix", Key: "onlyPrefix", Kind: option.StringOrStrings,
				Usage: "with --envsubst, replace only the variables whose names begin with this `PREFIX`",
				Set: func(o *o, v option.Value) error {
					if !environment.IsName(v.Str) {
						return errors.New("want the beginning of the name of an environment variable")
					}
					o.prefixes = append(o.prefixes, v.Str)
					return nil
				},
			},
			{
				Flag:  "rules",
				Usage: "validate the output against the rules in this YAML `FILE` before writing it, as inith validate -f does",
				Set:   option.ToString(func(o *o) *string { return &o.rules }),
			},
			{
				Flag: "mode", Kind: option.Digits, DefaultText: "that of an existing file, else 0644 less the umask",
				Usage: "permission bits of the files (`OCTAL`)",
				Set:   option.Parsed(option.Mode, func(o *o) *fs.FileMode { return &o.mode }),
			},
		},
		Check: func(o *o, given option.Given) error {
			switch {
			case len(o.only) > 0 && !o.envsubst:
				return fmt.Errorf("%s is for %s", given.Name("only"), given.Name("envsubst"))
			case len(o.prefixes) > 0 && !o.envsubst:
				return fmt.Errorf("%s is for %s", given.Name("only-prefix"), given.Name("envsubst"))
			case len(o.values) > 0 && o.envsubst:
				return fmt.Errorf("%s is for templates: %s has variables only", given.Name("values"), given.Name("envsubst"))
			}
			return nil
		},
	}
}

func renderCommand(c *call) *definition {
	table := renderTable()
	check := table.Check
	table.Check = func(o *renderOptions, given option.Given) error {
		err := checkSrcAndDest(o, given, c.child)
		if err == nil {
			err = check(o, given)
		}
		return err
	}
	return define(c, spec[*renderOptions]{
		usage:       []string{"inith render [OPTION...] SRC DEST [-- CMD ARG...]"},
		description: func() string { return fmt.Sprintf(renderDescription, functionNames()) },
		exits:       [][2]string{{"3", "the output breaks the rules of --rules"}},
		child:       becomesChild,
		table:       table,
		open: func(ctx context.Context, s session, o *renderOptions, given option.Given) (job, error) {
			return openRender(ctx, s, o, given)
		},
	})
}

// functionNames returns the names of all functions, in lines.
func functionNames() string {
	var b strings.Builder
	line := "  "
	for _, f := range render.Functions() {
		const width = 80
		if len(line)+1+len(f.Name) > width {
			b.WriteString(line + "\n")
			line = "  "
		}
		line += " " + f.Name
	}
	return b.String() + line + "\n"
}

func checkSrcAndDest(o *renderOptions, given option.Given, child []string) error {
	switch {
	case o.source == "":
		return errors.New("no SRC: inith render SRC DEST")
	case o.dest == "":
		return errors.New("no DEST: inith render SRC DEST; - prints")
	case len(given.Args) > 2:
		return fmt.Errorf("want one SRC and one DEST, got %d; a directory has several files", len(given.Args))
	case child != nil && o.dest == "-":
		return errors.New("DEST - and a command after -- exclude each other")
	case child != nil && o.source == "-":
		return errors.New("SRC - and a command after -- exclude each other: the standard input is the command's")
	}
	return nil
}

// renderStep is render as a step of a plan.
func renderStep(r *runner) planfile.Kind {
	table := renderTable()
	for i := range table.Options {
		if table.Options[i].Arg != "" {
			table.Options[i].Set = wantPath(table.Options[i].Set)
		}
	}
	return kindOf(r, "render", "render configuration from templates", table,
		func(ctx context.Context, s session, o *renderOptions, given option.Given) (planfile.Job, error) {
			return openRender(ctx, s, o, given)
		})
}

// wantPath refuses "-".
func wantPath(set func(*renderOptions, option.Value) error) func(*renderOptions, option.Value) error {
	return func(o *renderOptions, v option.Value) error {
		if v.Str == "-" {
			return errors.New("a step has no standard input and output of its own: want a path")
		}
		return set(o, v)
	}
}

// A renderJob is a rendering that is ready to run.
type renderJob struct {
	session  session
	options  *renderOptions
	renderer *render.Renderer
	job      *render.Job
}

func openRender(ctx context.Context, s session, o *renderOptions, given option.Given) (*renderJob, error) {
	r := &render.Renderer{Env: s.env, Values: o.values, Envsubst: o.envsubst, Prefixes: o.prefixes, Mode: o.mode, Stdin: os.Stdin, Stdout: s.Stdout, Logger: s.Log}
	var err error
	if r.Only, err = render.ParseNames(o.only); err != nil {
		return nil, given.Errorf("only", "%w", err)
	}
	if o.rules != "" {
		if r.Check, err = outputRules(o.rules, s.Stderr, given); err != nil {
			return nil, err
		}
	}
	j := &renderJob{session: s, options: o, renderer: r}
	return j, j.open(ctx)
}

func (j *renderJob) open(ctx context.Context) (err error) {
	j.job, err = j.renderer.Open(ctx, j.options.source, j.options.dest)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (j *renderJob) run(ctx context.Context) (outcome string, err error) {
	results, err := j.job.Run(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range results {
		if j.session.Live() && r.Path != "" {
			j.session.Say("%s: %s, %s", r.Path, r.State, bytesize.Text(int64(r.Size)))
		}
	}
	return renderSummary(results), nil
}

// renderSummary is the outcome for the termination log.
func renderSummary(results []render.Result) string {
	unchanged := 0
	for _, r := range results {
		if r.State == render.Unchanged {
			unchanged++
		}
	}
	return fmt.Sprintf("rendered: %s, %d unchanged", view.Count(len(results), "file"), unchanged)
}

// Run renders, as a step of a plan. It reads the templates again: an earlier step may have written them.
func (j *renderJob) Run(ctx context.Context) error {
	err := j.open(ctx)
	if err != nil {
		return asUsage(err)
	}
	_, err = j.job.Run(ctx)
	return err
}

// Describe returns what the step would render.
func (j *renderJob) Describe() string { return j.options.source + " to " + j.options.dest }
