package main

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/plan"
)

// A planFile is a plan as it is written.
type planFile struct {
	steps   []*stepDraft
	timeout time.Duration // zero: not given
}

// A stepDraft is a step of a plan as it is written.
type stepDraft struct {
	place

	name    string
	needs   []placedText
	timeout time.Duration
	retries int
	kinds   []string // of the works that are there
	work    stepWork
}

type placedText struct {
	place

	text string
}

// A stepWork is what a step has to do, as it is written.
type stepWork interface {
	at(line, column int)
	where() place
	// open finds all mistakes that can be found before anything runs.
	open(ctx context.Context, p *process) (stepJob, error)
}

// A stepJob is a step that is ready to run.
type stepJob interface {
	plan.Step
	// describe says what the step would do, in one line without a secret.
	describe() string
}

// planTable is plan.yaml.
func (p *process) planTable() option.Table[planFile] {
	return option.Table[planFile]{
		Keys: []option.Key[planFile]{
			option.List("steps", "what to do, each step as soon as those that it needs are done", p.stepTable(), func(f *planFile, d stepDraft) { f.steps = append(f.steps, &d) }),
			{Name: "timeout", Usage: "how long all of it may take", Set: func(f *planFile, v option.Value) (err error) { f.timeout, err = parseDuration(v.Text); return err }},
		},
		Check: func(f *planFile, has func(string) bool) error {
			if !has("steps") || len(f.steps) == 0 {
				return errors.New("no steps")
			}
			return nil
		},
		Schema: map[string]any{"required": []string{"steps"}},
	}
}

// stepTable is an entry of "steps" in plan.yaml.
func (p *process) stepTable() option.Table[stepDraft] {
	kinds := p.stepKinds()
	var works []any
	for _, k := range kinds {
		works = append(works, map[string]any{"required": []string{k.Name}})
	}
	return option.Table[stepDraft]{
		Keys: append([]option.Key[stepDraft]{
			{Name: "name", Kind: option.Digits, Usage: "what the step is called: letters, digits, -, _ and .", Required: true, Set: func(d *stepDraft, v option.Value) error {
				if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`).MatchString(v.Text) {
					return errors.New("want letters, digits, -, _ and ., 63 at most")
				}
				d.name = v.Text
				return nil
			}},
			{Name: "needs", Kind: option.TextOrTexts, Usage: "names of steps that have to be done before", Set: func(d *stepDraft, v option.Value) error {
				d.needs = append(d.needs, placedText{place{v.Line, v.Column}, v.Text})
				return nil
			}},
			{Name: "timeout", Usage: "how long the step may take, with all attempts, such as 5m", Set: func(d *stepDraft, v option.Value) (err error) { d.timeout, err = parseDuration(v.Text); return err }},
			{Name: "retries", Kind: option.Number, Usage: "how often to try again when it fails", Set: func(d *stepDraft, v option.Value) error {
				const most = 1000
				if v.Number < 0 || v.Number > most {
					return errors.New("want a number from 0 to 1000")
				}
				d.retries = int(v.Number)
				return nil
			}},
		}, kinds...),
		Check: func(d *stepDraft, _ func(string) bool) error {
			switch len(d.kinds) {
			case 1:
				return nil
			case 0:
				return errors.New("nothing to do: want one of " + strings.Join(p.stepKindNames(), ", "))
			default:
				return errors.New(strings.Join(d.kinds, " and ") + " exclude each other: a step does one thing")
			}
		},
		Schema: map[string]any{"oneOf": works},
		At:     func(d *stepDraft, line, column int) { d.at(line, column) },
	}
}

// stepKinds are what a step can do.
func (p *process) stepKinds() []option.Key[stepDraft] {
	return []option.Key[stepDraft]{
		stepKey[waitWork]("wait", "wait until targets are ready", p.waitTable()),
		stepKey[fetchWork]("fetch", "download files", p.fetchTable()),
		stepKey[validateWork]("validate", "find mistakes in configuration", p.validateTable()),
		stepKey[renderWork]("render", "make configuration of templates", p.renderTable()),
		stepKey[migrateWork]("migrate", "run a command under a lock", p.migrateTable()),
		stepKey[execWork]("exec", "run a command", execTable()),
		stepKey[filesWork]("files", "make folders, copy files, set permission bits", filesTable()),
	}
}

func (p *process) stepKindNames() []string {
	var names []string
	for _, k := range p.stepKinds() {
		names = append(names, k.Name)
	}
	return names
}

// stepKey is a kind of step.
func stepKey[W any, P interface {
	*W
	stepWork
}](name, usage string, table option.Table[W]) option.Key[stepDraft] {
	table.At = func(w *W, line, column int) { P(w).at(line, column) }
	return option.Mapping(name, usage, table, func(d *stepDraft) *W {
		w := new(W)
		d.kinds, d.work = append(d.kinds, name), P(w)
		return w
	})
}

// openPlan reads a plan and makes all of its steps ready. All mistakes are told, with
// line and column.
func (p *process) openPlan(ctx context.Context, name string, text []byte) (planFile, []plan.Node, error) {
	root, err := option.Parse(text)
	switch {
	case err != nil:
		return planFile{}, nil, placed(name, err)
	case root == nil:
		return planFile{}, nil, usagef("%s: no plan is in it", name)
	}
	mistakes := p.expand(root)
	if len(mistakes) > 0 {
		return planFile{}, nil, usageMistakes(name, mistakes)
	}
	file, mistakes := option.ReadMapping(root, p.planTable())
	if len(mistakes) > 0 {
		return file, nil, usageMistakes(name, mistakes)
	}
	nodes, mistakes := p.openSteps(ctx, file.steps)
	return file, nodes, usageMistakes(name, mistakes)
}

func (p *process) openSteps(ctx context.Context, drafts []*stepDraft) ([]plan.Node, []*diag.Error) {
	nodes := make([]plan.Node, len(drafts))
	for i, d := range drafts {
		nodes[i] = plan.Node{Name: d.name, Kind: d.kinds[0], Timeout: d.timeout, Retries: d.retries}
		for _, need := range d.needs {
			nodes[i].Needs = append(nodes[i].Needs, need.text)
		}
	}
	mistakes := graphMistakes(drafts, plan.Check(nodes))
	for i, d := range drafts {
		job, err := d.open(ctx, p)
		for _, err := range diag.Flatten(err) {
			mistakes = append(mistakes, d.work.where().mistake(err))
		}
		nodes[i].Step = job
	}
	diag.Sort(mistakes)
	return nodes, mistakes
}

// graphMistakes gives mistakes of the graph their places.
func graphMistakes(drafts []*stepDraft, found []plan.Problem) []*diag.Error {
	var all []*diag.Error
	for _, m := range found {
		at := drafts[m.Node].place
		if m.Need >= 0 {
			at = drafts[m.Node].needs[m.Need].place
		}
		if unknown, ok := errors.AsType[*plan.UnknownNeedError](m.Err); ok {
			m.Err = errors.New("needs: " + unknown.Error() + suggest.DidYouMean(unknown.Name, stepNames(drafts)))
		}
		all = append(all, at.mistake(m.Err))
	}
	return all
}

func stepNames(drafts []*stepDraft) []string {
	var names []string
	for _, d := range drafts {
		names = append(names, d.name)
	}
	return names
}

// open opens the work of a step. What is missing may be what an earlier step makes:
// a step that needs others is opened when its turn has come then.
func (d *stepDraft) open(ctx context.Context, p *process) (stepJob, error) {
	own := p.inStep(d.name)
	own.bounded = d.timeout > 0
	job, err := d.work.open(ctx, own)
	if err != nil && len(d.needs) > 0 && isMissing(err) {
		return &lateJob{err: err, open: func(ctx context.Context) (stepJob, error) { return d.work.open(ctx, own) }}, nil
	}
	return job, err
}

// isMissing reports whether nothing is wrong but that files are not there. Of commands,
// those count that are named by a path.
func isMissing(err error) bool {
	return !slices.ContainsFunc(diag.Flatten(err), func(err error) bool {
		if command, ok := errors.AsType[*subprocess.StartError](err); ok {
			return !command.NotFound || !strings.Contains(command.Name, "/")
		}
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// A lateJob is a step of which something is not there yet.
type lateJob struct {
	err  error // what
	open func(ctx context.Context) (stepJob, error)
}

func (j *lateJob) describe() string {
	return "once this is there: " + strings.ReplaceAll(j.err.Error(), "\n", "; ")
}

func (j *lateJob) Run(ctx context.Context) error {
	job, err := j.open(ctx)
	if _, command := errors.AsType[*subprocess.StartError](err); command {
		return err
	}
	if err != nil { // no wrong usage: the plan was right when it began
		return &usererr.Error{Text: err.Error(), Hint: usererr.Hint(err)}
	}
	return job.Run(ctx)
}
