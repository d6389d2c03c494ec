package lint

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A program is what a container runs, as far as it can be read.
type program struct {
	at     value        // where its text is
	script *syntax.File // of a shell; nil if it is a command
	text   value        // of the script
	lines  *lines       // of the file
	argv   []word       // of the command that starts it; empty if that is the image's
}

// A word is one of a command.
type word struct {
	text  string
	known bool // else a part of it is expanded by a shell
}

// readProgram returns what a container runs.
func readProgram(c value, lines *lines) program {
	command, args := c.at("command"), c.at("args")
	at := command
	if !command.exists() {
		at = args
	}
	p := program{at: at, lines: lines}
	items := append(command.items(), args.items()...)
	words := append(command.texts(), args.texts()...)
	p.argv = wordsOf(words)
	if !command.exists() {
		p.argv = nil // what args belong to is known to the image only
		return p
	}
	i := scriptIndex(words)
	if i < 0 {
		return p
	}
	if p.script = parseScript(words[i]); p.script == nil {
		return p
	}
	p.text = items[i]
	p.argv = nil
	if args.exists() {
		p.at = args
	}
	return p
}

// parseScript returns nil for what the parser does not read: a shell may.
func parseScript(script string) *syntax.File {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	return file
}

// callsOf returns the commands of a script.
func callsOf(script string) []call {
	file := parseScript(script)
	if file == nil {
		return nil
	}
	return callsIn(file)
}

// scriptIndex returns which word is the script of a command such as sh -c SCRIPT, -1 if none is.
func scriptIndex(argv []string) int {
	if len(argv) < 3 || !slices.Contains([]string{"sh", "bash", "ash", "dash", "busybox", "ksh"}, path.Base(argv[0])) {
		return -1
	}
	for i, arg := range argv[1:] {
		if strings.HasPrefix(arg, "-") && strings.HasSuffix(arg, "c") && !strings.HasPrefix(arg, "--") && i+2 < len(argv) {
			return i + 2
		}
	}
	return -1
}

// wordsOf returns the words of a command without a shell.
func wordsOf(texts []string) []word {
	var all []word
	for _, text := range texts {
		all = append(all, word{text, !isUnknown(text)})
	}
	return all
}

// wordOf returns a word of a script.
func wordOf(w *syntax.Word) word {
	var b strings.Builder
	known := addParts(&b, w.Parts)
	return word{b.String(), known}
}

func addParts(b *strings.Builder, parts []syntax.WordPart) (known bool) {
	known = true
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(part.Value)
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			known = addParts(b, part.Parts) && known
		default:
			known = false
		}
	}
	return known
}

// A call is a command that a program runs.
type call struct {
	pos        syntax.Pos // in the script, if there is one
	words      []word
	background bool
	redirs     []*syntax.Redirect
}

// name returns the program of a call without its directory; "" if it is unknown.
func (c call) name() string {
	if len(c.words) == 0 || !c.words[0].known {
		return ""
	}
	return path.Base(c.words[0].text)
}

// args returns the arguments.
func (c call) args() []word { return c.words[min(1, len(c.words)):] }

// has reports whether one of the words is an argument.
func (c call) has(args ...string) bool {
	return slices.ContainsFunc(c.args(), func(w word) bool { return w.known && slices.Contains(args, w.text) })
}

// is reports whether the call begins with these words.
func (c call) is(words ...string) bool {
	if len(c.words) < len(words) || c.name() != words[0] {
		return false
	}
	for i, w := range words[1:] {
		if got := c.words[i+1]; !got.known || got.text != w {
			return false
		}
	}
	return true
}

// calls returns the commands of the program in their order, those of loops, conditions and functions too.
func (p program) calls() []call {
	if p.script == nil {
		if len(p.argv) == 0 {
			return nil
		}
		return []call{{words: unwrapped(p.argv)}}
	}
	return callsIn(p.script)
}

// callsIn returns the commands below a node of a script.
func callsIn(nodes ...syntax.Node) []call {
	var all []call
	for _, n := range nodes {
		syntax.Walk(n, func(n syntax.Node) bool {
			if s, ok := n.(*syntax.Stmt); ok {
				if simple, ok := s.Cmd.(*syntax.CallExpr); ok && len(simple.Args) > 0 {
					all = append(all, callOf(s, simple))
				}
			}
			return true
		})
	}
	return all
}

func callOf(s *syntax.Stmt, simple *syntax.CallExpr) call {
	c := call{pos: s.Pos(), background: s.Background, redirs: s.Redirs}
	for _, arg := range simple.Args {
		c.words = append(c.words, wordOf(arg))
	}
	c.words = unwrapped(c.words)
	return c
}

func withoutOptions(words []word) []word {
	for len(words) > 1 && (strings.HasPrefix(words[0].text, "-") || strings.Contains(words[0].text, "=")) {
		words = words[1:]
	}
	return words
}

// unwrapped returns a command without those that run it: exec, sudo, nohup, timeout 5, env NAME=VALUE.
func unwrapped(words []word) []word {
	for len(words) > 1 {
		switch path.Base(words[0].text) {
		case "exec", "sudo", "nohup", "env", "command", "time":
			words = withoutOptions(words[1:])
		case "timeout":
			words = withoutOptions(words[1:])
			words = words[min(1, len(words)-1):] // the duration
		default:
			return words
		}
	}
	return words
}

// loops returns the while and until loops of the program.
func (p program) loops() []*syntax.WhileClause {
	var all []*syntax.WhileClause
	if p.script == nil {
		return nil
	}
	syntax.Walk(p.script, func(n syntax.Node) bool {
		if loop, ok := n.(*syntax.WhileClause); ok {
			all = append(all, loop)
		}
		return true
	})
	return all
}

// leaves reports whether something in a loop ends it early.
func leaves(loop *syntax.WhileClause) bool {
	return slices.ContainsFunc(callsIn(loop), func(c call) bool {
		return slices.Contains([]string{"break", "exit", "return", "exec", "kill"}, c.name())
	})
}

// flagValue returns the value of an option: -o VALUE, --output VALUE or --output=VALUE.
func (c call) flagValue(flags ...string) (word, bool) {
	args := c.args()
	for i, a := range args {
		if slices.Contains(flags, a.text) && i+1 < len(args) {
			return args[i+1], true
		}
		for _, f := range flags {
			if v, ok := strings.CutPrefix(a.text, f+"="); ok && strings.HasPrefix(f, "--") {
				return word{v, a.known}, true
			}
		}
	}
	return word{}, false
}

// url returns the first argument that is a URL.
func (c call) url() (word, bool) {
	for _, a := range c.args() {
		if strings.Contains(a.text, "://") {
			return a, true
		}
	}
	return word{}, false
}
