package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

// readValues reads and merges files. Mappings are merged key by key; other values are overridden by later files.
func readValues(paths []string) (map[string]any, error) {
	all := map[string]any{}
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			errs = append(errs, unreadable(path, err))
			continue
		}
		text, err := readFile(path, info)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		values, err := parseValues(source{path, text})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		merge(all, values)
	}
	return all, errors.Join(errs...)
}

// merge merges from into to.
func merge(to, from map[string]any) {
	for key, value := range from {
		if below, ok := value.(map[string]any); ok {
			if under, ok := to[key].(map[string]any); ok {
				merged := maps.Clone(under)
				merge(merged, below)
				to[key] = merged
				continue
			}
		}
		to[key] = value
	}
}

func parseValues(s source) (map[string]any, error) {
	parse := parseYAML
	if filepath.Ext(s.path) == ".json" {
		parse = parseJSON
	}
	value, problem := parse(s)
	if problem != nil {
		return nil, problem
	}
	switch value := value.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return value, nil
	default:
		return nil, s.problem(0, "want a mapping of names to values", "")
	}
}

// parseYAML reads one document. Dates, and numbers with leading zeros, which some parsers read as octal, stay
// strings.
func parseYAML(s source) (any, *diag.Error) {
	load, err := yaml.NewLoader(strings.NewReader(s.text), yaml.WithV4Defaults())
	if err != nil {
		return nil, s.problem(0, "not YAML", "")
	}
	var doc yaml.Node
	switch err := load.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, s.yaml(err)
	}
	keepText(&doc)
	var value any
	if err := doc.Load(&value); err != nil {
		return nil, s.yaml(err)
	}
	if err := load.Load(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, s.problem(0, "want one document, got several", "")
	}
	return normal(value), nil
}

// integerMark begins the strings that stand for integers beyond int64 until [normal]: the parser would make floating-point
// numbers of them.
const integerMark = "\x00integer "

func keepText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		leading := strings.TrimLeft(n.Value, "+-")
		octal := isNumber(n) && len(leading) > 1 && leading[0] == '0' && strings.Trim(leading, "0123456789") == ""
		if octal || n.ShortTag() == "!!timestamp" {
			n.Tag = "!!str"
		} else if digits, ok := beyondInt64(n.Value); ok && n.Style == 0 { // plain, and without a tag
			n.Tag, n.Value = "!!str", integerMark+digits
		}
	}
	for _, c := range n.Content {
		keepText(c)
	}
}

func isNumber(n *yaml.Node) bool { return n.ShortTag() == "!!int" || n.ShortTag() == "!!float" }

// yaml translates an error of the parser, which may quote the file, and keeps its position.
func (s source) yaml(err error) *diag.Error {
	r := &usererr.Error{Text: "not YAML", Err: err}
	if e, ok := errors.AsType[*yaml.LoadErrors](err); ok && len(e.Errors) > 0 {
		err = e.Errors[0]
	}
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return diag.At(diag.Position{File: s.path}, r)
	}
	for _, known := range []struct{ in, text string }{
		{"already defined", "duplicate key"},
		{"excessive aliasing", "its aliases expand to too many values"},
		{"unknown anchor", "an alias whose anchor is not defined"},
		{"cannot start any token", "not YAML: a tab, or a character that must be quoted"},
		{"could not find expected ':'", "not YAML: a colon or a quote is missing"},
		{"unexpected end of stream", "not YAML: unexpected end of file"},
		{"mapping values are not allowed", "not YAML: a colon in an unquoted string, or wrong indentation"},
	} {
		if strings.Contains(e.Message, known.in) {
			r.Text = known.text
			break
		}
	}
	if strings.Contains(e.ContextMsg, "quoted scalar") {
		r.Text = "not YAML: this quote is not closed"
		return diag.At(diag.Position{File: s.path, Line: e.ContextMark.Line, Column: e.ContextMark.Column}, r)
	}
	return diag.At(diag.Position{File: s.path, Line: e.Mark.Line, Column: e.Mark.Column}, r)
}

func parseJSON(s source) (any, *diag.Error) {
	d := json.NewDecoder(strings.NewReader(s.text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	if err == nil {
		if _, more := d.Token(); errors.Is(more, io.EOF) {
			return normal(value), nil
		}
		return nil, s.problem(int(d.InputOffset()), "not JSON: unexpected content after the value", "")
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, s.problem(int(e.Offset)-1, "not JSON", "")
	}
	return nil, s.problem(len(s.text), "not JSON: unexpected end of file", "")
}

// normal converts a value to the types that templates use: nil, bool, int, integer, float64, string, []any and map[string]any.
func normal(value any) any {
	switch v := value.(type) {
	case nil, bool, int, float64, integer:
		return v
	case string:
		if digits, ok := strings.CutPrefix(v, integerMark); ok {
			return integer{digits}
		}
		return v
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		if digits, ok := beyondInt64(v.String()); ok {
			return integer{digits}
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	case map[string]any:
		for key := range v {
			v[key] = normal(v[key])
		}
		return v
	case map[any]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[fmt.Sprint(key)] = normal(v[key])
		}
		return m
	default:
		return fmt.Sprint(v)
	}
}

// toYAML encodes a value, without the final newline.
func toYAML(value any) (string, error) {
	b, err := yaml.Dump(value, yaml.WithV4Defaults())
	return strings.TrimSuffix(string(b), "\n"), err
}

func toJSON(value any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(value)
	return strings.TrimSuffix(b.String(), "\n"), err
}
