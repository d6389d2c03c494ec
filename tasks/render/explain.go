package render

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

// explain translates an error of text/template, which may quote the template and values, and finds its position.
func (p *templateProgram) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if m, ok := errors.AsType[*diag.Error](err); ok { // of a template that was included
		return m
	}
	r, ours := errors.AsType[*usererr.Error](err)
	if !ours {
		r = execWords(err.Error())
	}
	if at, ok := p.place(err.Error()); ok {
		return diag.At(p.position(at), r)
	}
	return diag.At(diag.Position{File: p.path}, r)
}

// place reads the position in an error of text/template: "template: t:LINE:BYTES: ".
func (p *templateProgram) place(message string) (offset int, ok bool) {
	rest, ok := strings.CutPrefix(message, "template: "+rootName+":")
	if !ok {
		return 0, false
	}
	line, rest, _ := strings.Cut(rest, ":")
	bytes, _, _ := strings.Cut(rest, ":")
	l, err := strconv.Atoi(line)
	b, err2 := strconv.Atoi(bytes)
	return p.at(l, b), err == nil && err2 == nil
}

// execWords translates the messages of text/template.
func execWords(message string) *usererr.Error {
	if name := functionIn(message, "wrong number of args for "); name != "" {
		return &usererr.Error{Text: name + ": wrong number of arguments", Hint: "it is used as " + usage(name)}
	}
	if _, kinds, ok := strings.Cut(message, "wrong type for value; expected "); ok {
		want, got, _ := strings.Cut(kinds, "; got ")
		return &usererr.Error{Text: fmt.Sprintf("want %s, got %s", goKind(want), goKind(got))}
	}
	for _, known := range []struct{ in, text, hint string }{
		{"incompatible types for comparison", "values of different types cannot be compared", "convert them with int or toString"},
		{"error calling eq: ", "these values cannot be compared", ""},
		{"range can't iterate over", "range needs a list, a mapping or a number", ""},
		{"invalid value; expected", "a value is null", "use default"},
		{"can't give argument to non-function", "an argument for something that is not a function", ""},
		{"expected string; found", "want a string", ""},
		{"expected integer; found", "want a number", ""},
		{"nil is not a command", "nil is not a value", ""},
		{"can't print", "this cannot be written as a string", ""},
	} {
		if strings.Contains(message, known.in) {
			return &usererr.Error{Text: known.text, Hint: known.hint}
		}
	}
	if name := functionIn(message, "error calling "); name != "" {
		return &usererr.Error{Text: name + " does not accept these values", Hint: "it is used as " + usage(name)}
	}
	return &usererr.Error{Text: "this fails with these values"}
}

// functionIn returns the function whose name follows in a message, if it is in the table.
func functionIn(message, before string) string {
	_, rest, _ := strings.Cut(message, before)
	for _, f := range Functions() {
		if strings.HasPrefix(rest, f.Name+":") {
			return f.Name
		}
	}
	return ""
}

func usage(name string) string {
	all := Functions()
	i := slices.IndexFunc(all, func(f Function) bool { return f.Name == name })
	return strings.TrimSpace(name + " " + all[i].Args)
}

// goKind names a Go type for users.
func goKind(name string) string {
	switch {
	case name == "string":
		return "a string"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "float"):
		return "a number"
	case name == "bool":
		return "true or false"
	case strings.HasPrefix(name, "[]"):
		return "a list"
	case strings.HasPrefix(name, "map"), name == "render.variables":
		return "a mapping"
	default:
		return "something else"
	}
}
