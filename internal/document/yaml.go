package document

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/inith/inith/internal/diag"
)

// A yamlReading is the state of reading a YAML file.
type yamlReading struct {
	*reading
	lines *yamlLines
	traps []trap
}

// at converts a line and a column of the parser to a position.
func (r *yamlReading) at(line, column int) diag.Position {
	return r.source.position(r.lines.offsetOf(line, column))
}

// parseYAML reads all documents of a YAML file.
func (r *reading) parseYAML() ([]*Node, bool) {
	if r.tooDense("if it is JSON, name it *.json or set its format to json") {
		return nil, false
	}
	const each = 500 // bytes, at least, of a line or an item
	if r.needsTooMuch(each*(len(r.source.lines)+bytes.Count(r.source.text, []byte(","))), math.MaxInt64) {
		return nil, false
	}
	y := &yamlReading{reading: r, lines: newYAMLLines(r.source.text)}
	if r.options.YAML11 {
		y.traps = traps11()
	}
	return y.parse()
}

func (r *yamlReading) parse() ([]*Node, bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(supportedText(r.source.text)),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(MaxDepth))))
	if err != nil {
		r.add(diag.Position{}, ruleSyntax, "not YAML", "")
		return nil, false
	}
	t := newTree(r)
	documents := []*Node{} // not nil: the file is well-formed
	for {
		var n yaml.Node
		err := loader.Load(&n)
		if errors.Is(err, io.EOF) {
			return withoutTrailing(documents), true
		}
		if err != nil {
			r.addError(err)
			return nil, false
		}
		if len(n.Content) == 0 {
			continue
		}
		root := t.build(n.Content[0], 0)
		if t.broken {
			return nil, false
		}
		documents = append(documents, root)
	}
}

// withoutTrailing drops the empty document that a --- at the end of the file begins, because it is never intended as null.
func withoutTrailing(documents []*Node) []*Node {
	last := len(documents) - 1
	if last >= 0 && documents[last].Kind == Null && documents[last].Text == "" {
		return documents[:last]
	}
	return documents
}

// addError translates an error of the parser.
func (r *yamlReading) addError(err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.add(r.source.end(), ruleSyntax, "not YAML", "")
		return
	}
	at := r.at(e.Mark.Line, e.Mark.Column)
	switch {
	case e.Stage == yaml.ReaderStage:
		r.add(r.source.position(r.firstControl()), ruleSyntax, "a control character", "write it as an escape in double quotes")
		return
	case strings.HasPrefix(e.Message, "exceeded max depth"):
		r.add(at, ruleDepth, "values are nested too deeply", "")
		return
	case e.Stage == yaml.ComposerStage:
		r.add(at, ruleSyntax, "an alias whose anchor is not defined", "quote a value that begins with *")
		return
	case e.Stage == yaml.ResolverStage || e.Stage == yaml.ConstructorStage:
		r.add(at, ruleSyntax, "the value does not have the type of its tag", "")
		return
	}
	fault, known := yamlFaults()[e.Message]
	if !known {
		fault.message = "invalid YAML from here"
	}
	rule := ruleSyntax
	if indent := r.tabIndent(at.Line); indent > 0 {
		at = diag.Position{Line: at.Line, Column: indent}
		rule, fault.message, fault.hint = ruleTab, "a tab in the indentation", "indent with spaces"
	}
	if opens := []string{"while scanning a quoted scalar", "while scanning a simple key"}; e.ContextMark.Line > 0 &&
		e.ContextMark.Line < e.Mark.Line && slices.Contains(opens, e.ContextMsg) {
		at = r.at(e.ContextMark.Line, e.ContextMark.Column)
	}
	r.add(at, rule, fault.message, fault.hint)
}

// tabIndent returns the column of the first tab in the indentation of a line, or
// 0.
func (r *yamlReading) tabIndent(line int) int {
	text := r.source.line(line)
	indent := len(text) - len(bytes.TrimLeft(text, " \t"))
	return bytes.IndexByte(text[:indent], '\t') + 1
}

// firstControl returns the offset of the first control character that YAML does not allow.
func (r *yamlReading) firstControl() int {
	for i, c := range string(r.source.text) {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
			return i
		}
	}
	return len(r.source.text)
}
