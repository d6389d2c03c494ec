package render

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
)

// rootName is the name of every source in text/template, because its errors begin with the name and the path could
// contain anything. No template defines this name.
const rootName = "(source)"

// A scope is what a template can use.
type scope struct {
	variables variables
	values    map[string]any
}

// A templateProgram is a parsed template, rewritten to fail on missing values: see [strict].
type templateProgram struct {
	source

	scope scope
	trees map[string]*parse.Tree
}

// parseTemplate parses a template. Others are the templates that it can include besides its own.
func parseTemplate(path, text string, s scope, others ...string) (*templateProgram, error) {
	p := &templateProgram{source: source{path, text}, scope: s}
	var err error
	p.trees, err = parseTrees(text)
	if err != nil {
		return nil, p.explainSyntax(err)
	}
	if p.trees[rootName] == nil { // a source of definitions alone renders as nothing
		p.trees[rootName] = &parse.Tree{Name: rootName, ParseName: rootName, Root: &parse.ListNode{NodeType: parse.NodeList}}
	}
	rewriting := strict{source: p.source, templates: append(p.names(), others...)}
	for _, tree := range p.trees {
		rewriting.list(tree.Root)
	}
	if rewriting.first != nil {
		return nil, rewriting.first
	}
	return p, nil
}

func parseTrees(text string) (map[string]*parse.Tree, error) {
	known := map[string]any{}
	for _, f := range Functions() {
		known[f.Name] = true
	}
	return parse.Parse(rootName, text, "", "", known)
}

func (p *templateProgram) run(ctx context.Context, w *output) error {
	e := &execution{templateProgram: p, ctx: ctx}
	err := e.execute(w, p.data())
	if err != nil {
		return p.allErrors(ctx, err)
	}
	return nil
}

func (p *templateProgram) data() map[string]any {
	return map[string]any{"Env": p.scope.variables, "Values": p.scope.values}
}

func (e *execution) execute(w *output, data any) error {
	e.template = template.New(rootName).Funcs(e.functions())
	for name, tree := range e.trees {
		if _, err := e.template.AddParseTree(name, tree); err != nil {
			return e.problem(0, "not a template", "")
		}
	}
	if err := e.template.Execute(w, data); err != nil {
		return e.explain(e.ctx, err)
	}
	return nil
}

// names returns the names of the templates that the source defines.
func (p *templateProgram) names() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.trees)), func(name string) bool { return name == rootName })
}

// An execution is one run of a template.
type execution struct {
	*templateProgram

	ctx      context.Context //nolint:containedctx // functions of a template are given no other
	template *template.Template
	rounds   int
	depth    int
}

// functions returns the functions of the table, and those that only a rewritten template calls.
func (e *execution) functions() template.FuncMap {
	all := template.FuncMap{
		"lookupStrict": lookup, "lookupMaybe": lookupMaybe,
		"indexMaybe": indexMaybe, "indexQuiet": quietIndex(index), "indexMaybeQuiet": quietIndex(indexMaybe),
		"envMaybe": e.envMaybe, "envQuiet": quiet(e.env), "envMaybeQuiet": quiet(e.envMaybe),
		"secretMaybe": secretMaybe, "secretQuiet": secret, "secretMaybeQuiet": secretMaybe, // their errors never show a path
		"round": e.round, "shown": shown,
	}
	for _, f := range Functions() {
		if f.bind != nil {
			all[f.Name] = f.bind(e)
		}
	}
	return all
}

// round counts an iteration of a loop. It returns an empty string.
func (e *execution) round() (string, error) {
	e.rounds++
	if e.rounds > maxRounds {
		return "", wrong("more than a million loop iterations")
	}
	return "", context.Cause(e.ctx)
}

// include renders another template of the same source.
func (e *execution) include(name string, data any) (string, error) {
	if !slices.Contains(e.names(), name) {
		return "", wrong("undefined template%s", suggest.DidYouMean(name, e.names()))
	}
	return e.nested(func(w *output) error {
		if err := e.template.ExecuteTemplate(w, name, data); err != nil {
			return e.explain(e.ctx, err)
		}
		return nil
	})
}

// nested returns the output of a template inside another.
func (e *execution) nested(execute func(w *output) error) (string, error) {
	e.depth++
	if e.depth > maxDepth {
		return "", wrong("templates are included more than %d levels deep", maxDepth)
	}
	defer func() { e.depth-- }()
	if _, err := e.round(); err != nil {
		return "", err
	}
	w := &output{left: maxOutput}
	if err := execute(w); err != nil {
		return "", err
	}
	return w.text.String(), nil
}

// tpl renders a string, which can include the templates of the source. Its errors show no name: the string is a value.
func (e *execution) tpl(text string, data any) (string, error) {
	p, err := e.parsed(text)
	if d, ok := errors.AsType[*diag.Error](err); ok {
		return "", wrong("tpl: %s, in line %d, column %d of the string", d.Text(), d.Line, d.Column)
	}
	return e.nested(func(w *output) error {
		inner := &execution{templateProgram: p, ctx: e.ctx, rounds: e.rounds, depth: e.depth}
		err := inner.execute(w, data)
		e.rounds = inner.rounds
		return inString(err)
	})
}

// parsed parses a string as a template beside those of the source.
func (e *execution) parsed(text string) (*templateProgram, error) {
	p, err := parseTemplate("", text, e.scope, e.names()...)
	if err != nil {
		return nil, err
	}
	for _, name := range e.names() {
		if p.trees[name] == nil {
			p.trees[name] = e.trees[name]
		}
	}
	return p, nil
}

// inString returns an error of a string as a template, without the names in it.
func inString(err error) error {
	d, ok := errors.AsType[*diag.Error](err)
	if !ok {
		return err
	}
	return wrong("tpl: a name is not defined or a value does not fit, in line %d, column %d of the string", max(d.Line, 1), max(d.Column, 1))
}

// shown formats the value of every action.
func shown(value any) (string, error) {
	text, err := stringOf(value)
	if err != nil {
		return "", err
	}
	return bounded(text)
}

// bounded rejects a string that is too long.
func bounded(text string) (string, error) {
	if len(text) > maxOutput {
		return "", errTooLarge()
	}
	return text, nil
}

// lookup returns the value under nested keys. Expression is what precedes them in the template.
func lookup(expression string, base any, keys ...string) (any, error) {
	value, missing := find(expression, base, keys)
	if missing != nil {
		return nil, missing
	}
	return value, nil
}

// lookupMaybe returns nil for a missing value.
func lookupMaybe(expression string, base any, keys ...string) (any, error) {
	value, err := find(expression, base, keys)
	if err != nil && !err.absent {
		return nil, err
	}
	return value, nil
}

// A lookupError says that a key is missing, or that a value has no keys.
type lookupError struct {
	because *usererr.Error
	absent  bool
}

func (e *lookupError) Error() string { return e.because.Text }
func (e *lookupError) Unwrap() error { return e.because }

func find(expression string, base any, keys []string) (any, *lookupError) {
	value := base
	for i, key := range keys {
		path := expression + "." + strings.Join(keys[:i+1], ".")
		switch from := value.(type) {
		case variables:
			text, set, err := from.get(key)
			if r, ok := err.(*usererr.Error); ok { //nolint:errorlint // get returns no other
				return nil, &lookupError{because: r}
			}
			if !set {
				return nil, &lookupError{from.missing(key), true}
			}
			value = text
		case map[string]any:
			below, there := from[key]
			if !there {
				return nil, &lookupError{missingKey(path, key, slices.Sorted(maps.Keys(from))), true}
			}
			if value = below; value == nil {
				return nil, &lookupError{wrong("%s is null", path), true}
			}
		case nil:
			return nil, &lookupError{wrong("%s is null and has no keys", strings.TrimSuffix(path, "."+key)), true}
		default:
			return nil, &lookupError{wrong("%s is %s and has no keys", strings.TrimSuffix(path, "."+key), kindOf(value)), false}
		}
	}
	return value, nil
}

func missingKey(path, key string, known []string) *usererr.Error {
	if len(path) == len(key)+1 && slices.Contains(known, "Env") { // at the top, where only these two are
		return &usererr.Error{Text: path + " is not defined" + suggest.DidYouMean(key, known), Hint: "use .Env.NAME for environment variables and .Values.name for values", Err: errMissing}
	}
	r := &usererr.Error{Text: path + " is not defined" + suggest.DidYouMean(key, known), Hint: "make it optional with a default", Err: errMissing}
	if !strings.HasPrefix(path, "(") {
		r.Hint += ": " + path + " | default \"\""
	}
	return r
}
