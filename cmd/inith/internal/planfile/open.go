package planfile

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/plan"
)

// Open makes all steps ready to run. It reports all errors, of the graph too, with line and column.
func (p *Plan) Open(ctx context.Context, name string) ([]plan.Node, error) {
	nodes := make([]plan.Node, len(p.Steps))
	for i, s := range p.Steps {
		nodes[i] = plan.Node{Name: s.Name, Kind: s.works[0].kind, Timeout: s.Timeout, Retries: s.Retries}
		for _, n := range s.needs {
			nodes[i].Needs = append(nodes[i].Needs, n.name)
		}
	}
	problems := p.located(plan.Check(nodes))
	for i, s := range p.Steps {
		job, err := s.open(ctx)
		for _, err := range diag.Flatten(err) {
			if problem, ok := errors.AsType[*diag.Error](err); ok {
				problems = append(problems, problem)
			}
		}
		nodes[i].Step = job
	}
	diag.Sort(problems)
	return nodes, option.InFile(name, problems)
}

// located gives the errors of the graph their positions.
func (p *Plan) located(found []plan.Problem) []*diag.Error {
	var all []*diag.Error
	for _, m := range found {
		s := p.Steps[m.Node]
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
	for _, s := range p.Steps {
		names = append(names, s.Name)
	}
	return names
}

// open makes a step ready. What is missing may be what an earlier step makes: a step that needs others is opened then
// when its turn has come.
func (s *Step) open(ctx context.Context) (Job, error) {
	job, err := s.works[0].open(ctx, s)
	if err != nil && len(s.needs) > 0 && isMissing(err) {
		return &lateJob{err: err, open: func(ctx context.Context) (Job, error) { return s.works[0].open(ctx, s) }}, nil
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
