// Package render renders configuration files from templates, environment variables, values and secret files. A
// [Renderer] opens a source and reports every problem in it. The [Job] then renders the source: all of it in memory
// first, then each file is written atomically.
//
// Templates, values and variables hold secrets: no error and no log quotes any of
// them. An error has a place and words of our own.
package render

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
)

// The limits of a rendering, so that it ends and fits into a small container.
const (
	maxOutput = 64 << 20  // bytes of all results together, and of each text on the way
	maxInput  = 8 << 20   // bytes of a template, a file with values or one with a secret
	maxRounds = 1_000_000 // of all loops of a template
	maxDepth  = 100       // of templates that include templates
)

// A Renderer configures what templates can use and how results are written.
type Renderer struct {
	Env      []string    // "NAME=value"; of two with one name the last counts
	Values   []string    // YAML and JSON files; later ones override earlier ones
	Envsubst bool        // sources are not templates: only $NAME and ${NAME} are replaced
	Only     []string    // with Envsubst, the variables to replace; nil is all, if there are no prefixes
	Prefixes []string    // with Envsubst, replace the variables whose names begin with one of these too
	Mode     fs.FileMode // of results; zero: the mode of the existing file, else 0644 without the umask bits

	Stdin  io.Reader // is the source "-"
	Stdout io.Writer // is the destination "-"

	// Check validates all results before they are written; an error prevents that. Nil skips the check.
	Check func(ctx context.Context, results []Content) error

	Logger *slog.Logger // nil discards
}

// A State is what happened to a file.
type State string

// The states of a [Result].
const (
	Rendered  State = "rendered"
	Copied    State = "copied"    // it is not a template
	Unchanged State = "unchanged" // it was up to date
)

// A Content is the future content of a file.
type Content struct {
	Path string // "-" for the standard output
	Data []byte
}

// A Result is a file after the rendering.
type Result struct {
	Path  string // "" for the standard output
	Size  int    // bytes
	State State
}

// A program renders one file. It may run repeatedly.
type program interface {
	run(ctx context.Context, w *output) error
}

// A file is a source and the destination of its result.
type file struct {
	dest    string
	mode    fs.FileMode // of a new file, before the umask
	plain   bool        // no template: copied
	program program
}

// A Job is a parsed source, ready to be rendered.
type Job struct {
	*Renderer

	files []*file
	log   *slog.Logger
}

// Open reads and parses a source: a file, a directory of them, or "-". Its error joins
// an [*Error] for each problem of the source; nothing was written then.
func (r *Renderer) Open(ctx context.Context, source, dest string) (*Job, error) {
	j := &Job{Renderer: r, log: r.Logger}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	values, valuesErr := readValues(r.Values)
	inputs, err := r.inputs(ctx, source, dest)
	err = errors.Join(valuesErr, err)
	if err != nil {
		return nil, public(err)
	}
	scope := scope{variables: newVariables(r.Env), values: values}
	var errs []error
	for _, in := range inputs {
		f := &file{dest: in.dest, mode: in.mode, plain: in.plain}
		f.program, err = r.compile(in, scope)
		if err != nil {
			errs = append(errs, err)
		}
		j.files = append(j.files, f)
	}
	return j, public(errors.Join(errs...))
}

// compile parses an input.
func (r *Renderer) compile(in input, s scope) (program, error) {
	switch {
	case in.plain:
		return plain(in.text), nil
	case r.Envsubst:
		return parseSubstitution(in.path, in.text, s.variables, filter{r.Only, r.Prefixes})
	default:
		return parseTemplate(in.path, in.text, s)
	}
}

// Run renders all files, checks them, and then writes each of them atomically. Its error joins one for each file that
// could not be rendered.
func (j *Job) Run(ctx context.Context) ([]Result, error) {
	contents := make([][]byte, len(j.files))
	left := maxOutput
	var errs []error
	for i, f := range j.files {
		w := &output{left: left}
		if err := f.program.run(ctx, w); err != nil {
			errs = append(errs, err)
			continue
		}
		contents[i] = []byte(w.text.String())
		left -= len(contents[i])
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(errs) > 0 {
		return nil, public(errors.Join(errs...))
	}
	if err := j.check(ctx, contents); err != nil {
		return nil, err
	}
	var results []Result
	for i, f := range j.files {
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		result, err := j.put(f, contents[i])
		if err != nil {
			return results, err
		}
		j.report(ctx, result)
		results = append(results, result)
	}
	return results, nil
}

func (j *Job) report(ctx context.Context, r Result) {
	log := j.log.With("path", cmp.Or(r.Path, "-"), "bytes", r.Size)
	switch r.State {
	case Rendered:
		log.InfoContext(ctx, "rendered")
	case Copied:
		log.InfoContext(ctx, "copied")
	case Unchanged:
		log.InfoContext(ctx, "unchanged")
	}
}

func (j *Job) check(ctx context.Context, contents [][]byte) error {
	if j.Check == nil {
		return nil
	}
	var results []Content
	for i, f := range j.files {
		results = append(results, Content{Path: f.dest, Data: contents[i]})
	}
	return j.Check(ctx, results)
}

// An output collects a result, up to its limit.
type output struct {
	text strings.Builder
	left int
}

func (o *output) Write(b []byte) (int, error) {
	o.left -= len(b)
	if o.left < 0 {
		return 0, errTooLarge()
	}
	return o.text.Write(b)
}

// A plain is a file that is copied.
type plain string

func (p plain) run(_ context.Context, w *output) error {
	_, err := w.Write([]byte(p))
	return err
}
