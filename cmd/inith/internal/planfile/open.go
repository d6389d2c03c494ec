package planfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/plan"
)

// An Opened is a plan whose steps are ready to run.
type Opened struct {
	Nodes   []plan.Node
	Timeout time.Duration // zero: none was given
}

// Open reads the plan in text, replaces ${NAME} and ${file:PATH} in it, and makes all steps ready to run. It reports all
// errors, of the variables, the structure, the graph and the programs, with line and column.
func Open(ctx context.Context, name string, text []byte, env environment.Variables, kinds []Kind) (Opened, error) {
	var undefined, problems []*diag.Error
	var opened Opened
	for i, standIn := range standIns() {
		root, err := parse(name, text)
		if err != nil {
			return Opened{}, err
		}
		undefined = expand(root, env, standIn)
		found := without(undefined, opened.read(ctx, root, kinds))
		if i == 0 {
			problems = found
		} else {
			problems = common(problems, found)
		}
		if len(undefined) == 0 {
			break
		}
	}
	return opened, option.InFile(name, diag.Compact(append(undefined, problems...)))
}

// standIns are the values that inith tries where one is undefined. A problem that not all of them have is a problem of the
// value, which nobody knows.
func standIns() []standIn {
	return []standIn{{"1", "1"}, {"/", "2"}, {"http://1/1", "3"}, {"postgres://1/1", "4"}}
}

// without returns the problems at other positions than those of undefined values.
func without(undefined, found []*diag.Error) []*diag.Error {
	return slices.DeleteFunc(found, func(e *diag.Error) bool {
		return slices.ContainsFunc(undefined, func(u *diag.Error) bool { return u.Position == e.Position })
	})
}

// common returns those of a that b has too.
func common(a, b []*diag.Error) []*diag.Error {
	return slices.DeleteFunc(a, func(e *diag.Error) bool {
		return !slices.ContainsFunc(b, func(other *diag.Error) bool { return other.Compare(e) == 0 })
	})
}

func parse(name string, text []byte) (*yaml.Node, error) {
	root, err := option.Parse(text)
	switch {
	case err != nil:
		return nil, option.InFileAt(name, err)
	case root == nil:
		return nil, fmt.Errorf("%s: the file has no plan", name)
	}
	return root, nil
}

// read reads the steps, and makes them ready to run.
func (o *Opened) read(ctx context.Context, root *yaml.Node, kinds []Kind) []*diag.Error {
	p, problems := option.ReadMapping(root, Table(kinds))
	o.Nodes, o.Timeout = make([]plan.Node, len(p.steps)), p.Timeout
	for i, s := range p.steps {
		o.Nodes[i] = plan.Node{Name: s.Name, Timeout: s.Timeout, Retries: s.Retries}
		for _, n := range s.needs {
			o.Nodes[i].Needs = append(o.Nodes[i].Needs, n.name)
		}
	}
	problems = append(problems, p.ofGraph(plan.Check(o.Nodes))...)
	for i, s := range p.steps {
		if len(s.works) != 1 { // a problem already
			continue
		}
		job, err := s.open(ctx)
		o.Nodes[i].Kind, o.Nodes[i].Step = s.works[0].kind, job
		problems = append(problems, located(err)...)
	}
	return problems
}

// located returns the errors that err joins.
func located(err error) []*diag.Error {
	var problems []*diag.Error
	for _, err := range diag.Flatten(err) {
		if problem, ok := errors.AsType[*diag.Error](err); ok {
			problems = append(problems, problem)
		}
	}
	return problems
}

// ofGraph gives the errors of the graph their positions.
func (p *Plan) ofGraph(found []plan.Problem) []*diag.Error {
	var all []*diag.Error
	for _, m := range found {
		s := p.steps[m.Node]
		if s.Name == "" && m.Need < 0 { // reported as such
			continue
		}
		position := s.position
		if m.Need >= 0 {
			position = s.needs[m.Need].position
		}
		if unknown, ok := errors.AsType[*plan.UnknownNeedError](m.Err); ok {
			m.Err = errors.New("needs: " + unknown.Error() + suggest.DidYouMean(unknown.Name, p.names()))
		}
		all = append(all, diag.At(position, m.Err))
	}
	return all
}

func (p *Plan) names() []string {
	var names []string
	for _, s := range p.steps {
		names = append(names, s.Name)
	}
	return names
}

// open makes a step ready. What is missing may be what an earlier step makes: a step that needs others is opened then
// when its turn has come.
func (s *Step) open(ctx context.Context) (Job, error) {
	w := s.works[0]
	job, err := w.open(ctx, s)
	if err != nil && len(s.needs) > 0 && isMissing(err) {
		return &lateJob{err: err, open: func(ctx context.Context) (Job, error) { return w.open(ctx, s) }}, nil
	}
	return job, err
}

// isMissing reports whether missing files are the only problem. Of commands, those count that are named by a path.
func isMissing(err error) bool {
	return !slices.ContainsFunc(diag.Flatten(err), func(err error) bool {
		if command, ok := errors.AsType[*subprocess.StartError](err); ok {
			return !command.NotFound || !strings.Contains(command.Name, "/")
		}
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// A lateJob is a step that misses something as yet.
type lateJob struct {
	err  error // what is missing
	open func(ctx context.Context) (Job, error)
}

func (j *lateJob) Describe() string { return "once this exists: " + texts(j.err) }

// texts returns the texts of the errors that err joins, without their positions.
func texts(err error) string {
	var all []string
	for _, err := range diag.Flatten(err) {
		if problem, ok := errors.AsType[*diag.Error](err); ok {
			all = append(all, problem.Text())
		}
	}
	return strings.Join(all, "; ")
}

func (j *lateJob) Run(ctx context.Context) error {
	job, err := j.open(ctx)
	if command, ok := errors.AsType[*subprocess.StartError](err); ok {
		return command
	}
	if err != nil { // not a usage error: the plan was right when it began
		return &usererr.Error{Text: texts(err), Hint: usererr.Hint(err)}
	}
	return job.Run(ctx)
}
