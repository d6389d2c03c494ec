package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/tasks/render"
)

const renderDescription = `Makes configuration of templates: of variables, values and secret files. What is
missing is an error with its place, and nothing is written then.

SRC is a file, a folder or - for the standard input. In a folder, files whose name
ends in .tmpl are rendered, without that end, and others are copied. DEST is a file;
with a trailing slash, or if it is a folder, the name of SRC is added. DEST "-"
prints. Each file appears when it is whole; one that has not changed is left alone.

   {{ .Env.NAME }}                 a variable, or what is in the file that NAME_FILE names
   {{ .Values.db.port }}           a value of the files of --values
   {{ secret "/run/secrets/db" }}  what is in a file, without the line end

A template that is wrong is exit 2; a variable, value or secret that is missing is
exit 1. To default, required, coalesce, empty, and, or, not, if and with something
may be missing. docs/render.md tells what the functions do.

FUNCTIONS:
%s
EXAMPLES:
   inith render /config-src/app.yaml.tmpl /config/app.yaml
   inith render --values base.yaml --values prod.yaml templates/ /etc/app/ -- /app/server
   inith render --rules rules.yaml app.yaml.tmpl /config/app.yaml
   inith render --envsubst --only DB_HOST --only DB_PORT nginx.conf.template /etc/nginx/nginx.conf
   echo 'url: {{ .Env.API_URL | default "http://api" | quote }}' | inith render - -`

func renderCommand(p *process) *cli.Command {
	const f = flagSet("render")
	return &cli.Command{
		Name:        "render",
		Usage:       "make configuration of templates, variables and secret files",
		UsageText:   "inith render [OPTION...] SRC DEST [-- CMD ARG...]",
		Description: fmt.Sprintf(renderDescription, functionNames()),
		Flags: []cli.Flag{
			f.strings("values", "a YAML or JSON `FILE` with values, of which later ones override earlier ones; can be repeated"),
			f.bool("envsubst", "SRC is no template: replace $NAME, ${NAME} and ${NAME:-default} only"),
			f.strings("only", "with --envsubst, replace this variable (`NAME`) and no other; can be repeated"),
			f.string("rules", "hold the results against the rules in this YAML `FILE` before they appear, as inith validate -f does"),
			f.string("mode", "permission bits of the files (`OCTAL`, default: as a file that is there has them, else 0644 less the umask)"),
			f.bool("init", "stay as the init process of CMD: forward signals, reap orphans, return its exit code"),
		},
		Action: func(c *cli.Context) error {
			j, err := p.parseRender(c)
			if err != nil {
				return err
			}
			return j.run(c.Context)
		},
	}
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

// A renderJob is `inith render` with all that the command line says.
type renderJob struct {
	*process
	job  *render.Job
	init bool
}

func (p *process) parseRender(c *cli.Context) (*renderJob, error) {
	if err := p.lookCommand(); err != nil {
		return nil, err
	}
	r, err := p.newRenderer(c)
	if err != nil {
		return nil, err
	}
	j := &renderJob{process: p, init: c.Bool("init")}
	if j.init && p.command == nil {
		return nil, usagef("--init needs a command after --")
	}
	source, dest, err := p.sourceAndResult(c)
	if err != nil {
		return nil, err
	}
	j.job, err = r.Open(c.Context, source, dest)
	return j, mistakes(c.Context, err)
}

func (p *process) newRenderer(c *cli.Context) (*render.Renderer, error) {
	r := &render.Renderer{
		Env: p.env, Values: texts(c, "values"), Envsubst: c.Bool("envsubst"), Stdin: os.Stdin, Stdout: p.stdout,
	}
	if !p.live() { // a person reads sentences instead
		r.Logger = p.logger()
	}
	var err error
	if r.Mode, err = parseMode(c.String("mode")); err != nil {
		return nil, usagef("--mode: %w", err)
	}
	if r.Only, err = render.ParseNames(c.StringSlice("only")); err != nil {
		return nil, usagef("--only: %w", err)
	}
	if name := c.String("rules"); name != "" {
		if r.Check, err = p.resultRules(name); err != nil {
			return nil, err
		}
	}
	switch {
	case len(r.Only) > 0 && !r.Envsubst:
		return nil, usagef("--only is for --envsubst")
	case len(r.Values) > 0 && r.Envsubst:
		return nil, usagef("--values is for templates: --envsubst has variables only")
	}
	return r, nil
}

// texts returns what a flag that can be repeated was given; an empty variable is
// nothing.
func texts(c *cli.Context, name string) []string {
	return slices.DeleteFunc(c.StringSlice(name), func(s string) bool { return s == "" })
}

func (p *process) sourceAndResult(c *cli.Context) (source, dest string, err error) {
	args := c.Args().Slice()
	switch {
	case len(args) == 0 || args[0] == "":
		return "", "", usagef("no SRC: inith render SRC DEST")
	case len(args) == 1 || args[1] == "":
		return "", "", usagef("no DEST: inith render SRC DEST; - prints")
	case len(args) > 2:
		return "", "", usagef("want one SRC and one DEST, got %d; a folder has several files", len(args))
	case p.command != nil && args[1] == "-":
		return "", "", usagef("DEST - and a command after -- exclude each other")
	case p.command != nil && args[0] == "-":
		return "", "", usagef("SRC - and a command after -- exclude each other: the standard input is the command's")
	}
	return args[0], args[1], nil
}

// mistakes makes a usage error of each error that err joins, but for a signal.
func mistakes(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return &usageError{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, mistakes(ctx, e))
	}
	return errors.Join(all...)
}

func (j *renderJob) run(ctx context.Context) error {
	results, err := j.job.Run(ctx)
	if err != nil {
		return err
	}
	for _, r := range results {
		if j.live() && r.Path != "" {
			_, _ = fmt.Fprintf(j.stderr, "inith: %s: %s, %s\n", r.Path, r.State, bytesize.Text(int64(r.Size)))
		}
	}
	if j.command != nil {
		return j.becomeCommand(ctx, j.init)
	}
	j.terminate(renderSummary(results))
	return nil
}

// renderSummary is the outcome for the termination log.
func renderSummary(results []render.Result) string {
	unchanged := 0
	for _, r := range results {
		if r.State == render.Unchanged {
			unchanged++
		}
	}
	return fmt.Sprintf("rendered: %s, %d unchanged", count(len(results), "file"), unchanged)
}
