package render

import (
	"slices"
	"strings"
	"text/template/parse"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/suggest"
)

// strict changes a parsed template so that it fails where something is missing.
// Of itself, text/template either prints "<no value>" or fails before a default can
// stand in, says nothing of keys further down, and prints mappings as Go has them.
//
// What a template asks for is looked up by functions of ours. Where the template
// asks *whether* something is there (in if and with, and as what default and its
// like are given) it may be missing. What an action prints goes through [shown],
// and every round of a loop through [execution.round].
type strict struct {
	source

	templates []string
	first     *diag.Error
}

func (s *strict) fail(at parse.Node, text, hint string) {
	p := s.problem(int(offset(at)), text, hint)
	if s.first == nil || p.Compare(s.first) < 0 {
		s.first = p
	}
}

func (s *strict) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for i, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			s.pipe(n.Pipe, false)
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, call(n.Pipe.Position(), "shown"))
			}
		case *parse.IfNode:
			s.branch(&n.BranchNode, true)
		case *parse.WithNode:
			s.branch(&n.BranchNode, true)
		case *parse.RangeNode:
			s.branch(&n.BranchNode, false)
			n.List.Nodes = slices.Insert(n.List.Nodes, 0, action(n.Pos, call(n.Pos, "round")))
		case *parse.TemplateNode:
			l.Nodes[i] = s.include(n)
		}
	}
}

func (s *strict) branch(b *parse.BranchNode, asks bool) {
	s.pipe(b.Pipe, asks)
	s.list(b.List)
	s.list(b.ElseList)
}

// include replaces {{template "name" data}} by {{include "name" data}}, which is bounded.
func (s *strict) include(n *parse.TemplateNode) parse.Node {
	if !slices.Contains(s.templates, n.Name) {
		s.fail(n, "undefined template"+suggest.DidYouMean(n.Name, s.templates), "")
	}
	var data parse.Node = &parse.NilNode{NodeType: parse.NodeNil, Pos: n.Pos}
	if n.Pipe != nil {
		s.pipe(n.Pipe, false)
		data = n.Pipe
	}
	return action(n.Pos, call(n.Pos, "include", text(n.Pos, n.Name), data))
}

// pipe rewrites the commands of a pipeline. Each is passed to the next.
func (s *strict) pipe(p *parse.PipeNode, asks bool) {
	if p == nil {
		return
	}
	for i, c := range p.Cmds {
		mayMiss := asks
		if i+1 < len(p.Cmds) {
			mayMiss = takesMissing(name(p.Cmds[i+1]))
		}
		s.command(c, i > 0, mayMiss)
	}
}

// command rewrites a command. Piped says that it gets one more argument.
func (s *strict) command(c *parse.CommandNode, piped, mayMiss bool) {
	function, isCall := c.Args[0].(*parse.IdentifierNode)
	if !isCall {
		for i, arg := range c.Args {
			c.Args[i] = s.operand(arg, mayMiss)
		}
		return
	}
	if takesMessage(function.Ident) {
		s.message(c)
	}
	if looksUp(function.Ident) {
		look := function.Ident
		if mayMiss {
			look += "Maybe"
		}
		if piped || !literal(c) {
			look += "Quiet"
		}
		c.Args[0] = parse.NewIdentifier(look).SetPos(function.Pos)
	}
	asks := takesMissing(function.Ident)
	for i, arg := range c.Args {
		c.Args[i] = s.operand(arg, asks)
	}
}

// looksUp reports whether a function looks up a name. Where the name may be missing, the …Maybe variant is called;
// where the name is computed and may be a secret, the …Quiet variant, which does not show it.
func looksUp(function string) bool {
	return slices.Contains([]string{"index", "env", "secret"}, function)
}

// literal reports whether the template contains all names that a command looks up.
func literal(c *parse.CommandNode) bool {
	names := c.Args[1:]
	if name(c) == "index" && len(names) > 0 {
		names = names[1:]
	}
	return !slices.ContainsFunc(names, func(n parse.Node) bool {
		return n.Type() != parse.NodeString && n.Type() != parse.NodeNumber
	})
}

// message requires a literal message, because a computed one could contain a secret.
func (s *strict) message(c *parse.CommandNode) {
	if len(c.Args) < 2 || c.Args[1].Type() != parse.NodeString {
		s.fail(c, "the message must be a quoted string", "a computed message could contain a secret")
	}
}

// operand returns the replacement of an operand.
func (s *strict) operand(n parse.Node, mayMiss bool) parse.Node {
	switch n := n.(type) {
	case *parse.FieldNode:
		return look(offset(n), "", &parse.DotNode{NodeType: parse.NodeDot, Pos: n.Pos}, n.Ident, mayMiss)
	case *parse.VariableNode:
		if len(n.Ident) == 1 {
			return n
		}
		base := &parse.VariableNode{NodeType: parse.NodeVariable, Pos: n.Pos, Ident: n.Ident[:1]}
		return look(offset(n), n.Ident[0], base, n.Ident[1:], mayMiss)
	case *parse.ChainNode:
		return look(offset(n), "(…)", s.operand(n.Node, mayMiss), n.Field, mayMiss)
	case *parse.PipeNode:
		s.pipe(n, mayMiss)
		return n
	default:
		return n
	}
}

// look returns the pipeline that looks up keys in base.
func look(at parse.Pos, expression string, base parse.Node, keys []string, mayMiss bool) parse.Node {
	function := "lookupStrict"
	if mayMiss {
		function = "lookupMaybe"
	}
	args := []parse.Node{text(at, expression), base}
	for _, key := range keys {
		args = append(args, text(at, key))
	}
	return pipeline(at, call(at, function, args...))
}

func action(at parse.Pos, c *parse.CommandNode) parse.Node {
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: at, Pipe: pipeline(at, c)}
}

func pipeline(at parse.Pos, c *parse.CommandNode) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: at, Cmds: []*parse.CommandNode{c}}
}

func call(at parse.Pos, function string, args ...parse.Node) *parse.CommandNode {
	words := append([]parse.Node{parse.NewIdentifier(function).SetPos(at)}, args...)
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at, Args: words}
}

func text(at parse.Pos, s string) parse.Node {
	return &parse.StringNode{NodeType: parse.NodeString, Pos: at, Quoted: `""`, Text: s}
}

// name returns the name of the function that a command calls, or "".
func name(c *parse.CommandNode) string {
	if function, ok := c.Args[0].(*parse.IdentifierNode); ok {
		return function.Ident
	}
	return ""
}

// offset returns where a node begins. For .a.b the parser reports the position of .b.
func offset(n parse.Node) parse.Pos {
	switch n := n.(type) {
	case *parse.FieldNode:
		if len(n.Ident) > 1 {
			return n.Pos - parse.Pos(len(n.Ident[0])+1)
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			return n.Pos - parse.Pos(len(n.Ident[0]))
		}
	case *parse.ChainNode:
		return offset(n.Node)
	}
	return n.Position()
}

// takesMissing reports whether a function accepts a missing value.
func takesMissing(function string) bool {
	return slices.Contains(strings.Fields("default required coalesce empty and or not dig kindIs"), function)
}

func takesMessage(function string) bool { return function == "required" || function == "fail" }
