package render

import (
	"context"
	"errors"
	"slices"
	"text/template/parse"

	"github.com/inith/inith/internal/diag"
)

// errMissing is the cause of an error about a name that is not defined.
var errMissing = errors.New("missing")

// missing collects what is missing in a source. It keeps the first place of each name.
type missing struct {
	all  []*diag.Error
	said map[string]bool
}

func (m *missing) add(err *diag.Error) {
	if m.said == nil {
		m.said = map[string]bool{}
	}
	if text := err.Text(); !m.said[text] {
		m.said[text] = true
		m.all = append(m.all, err)
	}
}

// errors returns one error that joins all, in the order of the source.
func (m *missing) errors() error {
	diag.Sort(m.all)
	errs := make([]error, len(m.all))
	for i, err := range m.all {
		errs[i] = err
	}
	return errors.Join(errs...)
}

// A reducer takes the actions that fail out of a template.
type reducer struct {
	*templateProgram

	guesses bool // a variable has lost its value: what fails now may not be the template's fault
}

// allErrors returns all errors of a template, of which first is one. text/template stops at an error, so the action that
// failed is taken out of a copy, which then runs again.
func (p *templateProgram) allErrors(ctx context.Context, first error) error {
	var found missing
	r := &reducer{templateProgram: p.copied()}
	rounds := 0
	for err := first; err != nil; {
		d, ok := errors.AsType[*diag.Error](err)
		if !ok || ctx.Err() != nil {
			return first
		}
		if !r.guesses || errors.Is(d, errMissing) {
			found.add(d)
		}
		if rounds++; rounds > maxRounds || !r.takeOut(d.Position) {
			break
		}
		e := &execution{templateProgram: r.templateProgram, ctx: ctx, rounds: rounds}
		err = e.execute(&output{left: maxOutput}, p.data())
		rounds = e.rounds
	}
	return found.errors()
}

func (p *templateProgram) copied() *templateProgram {
	c := *p
	c.trees = map[string]*parse.Tree{}
	for name, tree := range p.trees {
		c.trees[name] = tree.Copy()
	}
	return &c
}

// takeOut removes the action at a position, and reports whether there was one.
func (r *reducer) takeOut(at diag.Position) bool {
	actions, _ := r.actions()
	offset := r.offset(at)
	i := slices.IndexFunc(actions, func(a span) bool { return a.start <= offset && offset < a.end })
	if i < 0 {
		return false
	}
	for _, tree := range r.trees {
		if r.takeOutOf(tree.Root, actions[i]) {
			return true
		}
	}
	return false
}

func (r *reducer) takeOutOf(l *parse.ListNode, a span) bool {
	if l == nil {
		return false
	}
	for i, n := range l.Nodes {
		if at := int(n.Position()); a.start <= at && at < a.end && n.Type() != parse.NodeText {
			r.remove(l, i)
			return true
		}
		if b := branch(n); b != nil && (r.takeOutOf(b.List, a) || r.takeOutOf(b.ElseList, a)) {
			return true
		}
	}
	return false
}

// remove removes an action. One that declares a variable declares an empty list instead.
func (r *reducer) remove(l *parse.ListNode, i int) {
	if action, ok := l.Nodes[i].(*parse.ActionNode); ok && len(action.Pipe.Decl) > 0 {
		action.Pipe.Cmds = []*parse.CommandNode{call(action.Pos, "list")}
		r.guesses = true
		return
	}
	l.Nodes = slices.Delete(l.Nodes, i, i+1)
}

func branch(n parse.Node) *parse.BranchNode {
	switch n := n.(type) {
	case *parse.IfNode:
		return &n.BranchNode
	case *parse.WithNode:
		return &n.BranchNode
	case *parse.RangeNode:
		return &n.BranchNode
	default:
		return nil
	}
}
