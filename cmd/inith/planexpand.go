package main

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
)

// expand replaces ${NAME} and ${file:PATH} in the texts of a plan, but in those that
// name steps. It returns a mistake for each that cannot be.
func (p *process) expand(root *yaml.Node) []*diag.Error {
	var mistakes []*diag.Error
	seen := map[*yaml.Node]bool{} // what has an alias is there more than once
	var visit func(n *yaml.Node, depth int)
	visit = func(n *yaml.Node, depth int) {
		if seen[n] {
			return
		}
		seen[n] = true
		switch n.Kind {
		case yaml.ScalarNode:
			text, err := p.expandText(n.Value)
			if err != nil {
				mistakes = append(mistakes, diag.At(diag.Position{Line: n.Line, Column: n.Column}, err))
			}
			n.Value = text
		case yaml.SequenceNode:
			for _, item := range n.Content {
				visit(item, depth+1)
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				const ofStep = 2 // the plan, the list of its steps
				if key := n.Content[i].Value; depth != ofStep || key != "name" && key != "needs" {
					visit(n.Content[i+1], depth+1)
				}
			}
		}
	}
	visit(root, 0)
	return mistakes
}

// expandText replaces what stands for values in a text. Its error quotes names of
// variables only.
func (p *process) expandText(text string) (string, error) {
	into := position(text)
	var b strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			b.WriteByte('$')
			i += 2
		case strings.HasPrefix(text[i:], "${"):
			length := strings.IndexByte(text[i:], '}')
			if length < 0 {
				return text, errors.New("${ is not closed; $$ stands for $")
			}
			value, err := p.expansion(text[i+2 : i+length])
			if err == nil {
				value, err = into(i, value)
			}
			if err != nil {
				return text, err
			}
			b.WriteString(value)
			i += length + 1
		default:
			b.WriteByte(text[i])
			i++
		}
	}
	return b.String(), nil
}

// expansion returns the value that ${what} stands for.
func (p *process) expansion(what string) (string, error) {
	name, ok := strings.CutPrefix(what, "file:")
	switch {
	case !ok && isVariableName(what):
		return p.secretVar(what)
	case !ok:
		return "", errors.New("want ${NAME} or ${file:PATH}; $$ stands for $")
	}
	b, err := readFile(name)
	if err != nil {
		return "", usagef("%q cannot be read: %w", name, err)
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return "", usagef("%q is empty", name)
	}
	if strings.ContainsRune(value, 0) {
		return "", usagef("%q is no text", name)
	}
	return value, nil
}

// position returns what makes a value fit where it stands in a text: in a URL that is
// written out as far as its scheme it is percent-encoded, but for its host.
func position(text string) func(at int, value string) (string, error) {
	scheme := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`).FindString(text)
	if scheme == "" {
		return func(_ int, value string) (string, error) { return value, nil }
	}
	if scheme == "file://" || scheme == "unix://" { // no host, but a path
		return func(_ int, value string) (string, error) {
			return strings.ReplaceAll(percentEncode(value), "%2F", "/"), nil
		}
	}
	// What a path in ${file:…} has does not count.
	masked := regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("x", len(s)) })
	end := len(masked)
	if i := strings.IndexAny(masked[len(scheme):], "/?#"); i >= 0 {
		end = len(scheme) + i
	}
	host := len(scheme) + strings.LastIndexByte(masked[len(scheme):end], '@') + 1
	return func(at int, value string) (string, error) {
		switch {
		case at < host || at >= end:
			return percentEncode(value), nil
		case strings.Trim(value, hostCharacters) != "":
			return "", errors.New("the value is no host: in this place of a URL it is not encoded")
		}
		return value, nil
	}
}

func percentEncode(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// hostCharacters are those of hosts, addresses, ports, and lists of them.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[],"

// readPlan reads the plan that an argument or $INITH_RUN_PLAN names, or is.
func (p *process) readPlan(args []string) (name string, text []byte, err error) {
	inEnv, _ := p.lookup("INITH_RUN_PLAN")
	switch {
	case len(args) > 1:
		return "", nil, usagef("want one PLAN, got %d", len(args))
	case len(args) == 1 && args[0] == "-" && p.command != nil:
		return "", nil, usagef("PLAN - and a command after -- exclude each other: the standard input is the command's")
	case len(args) == 1:
		name = args[0]
	case inEnv == "":
		return "", nil, usagef("no PLAN: inith run plan.yaml, or set INITH_RUN_PLAN")
	case strings.ContainsAny(inEnv, "\n{"):
		return "$INITH_RUN_PLAN", []byte(inEnv), nil
	default:
		name = inEnv
	}
	text, err = readFile(name)
	if err != nil {
		return name, nil, usagef("cannot read %q: %w", name, err)
	}
	if name == "-" {
		name = os.Stdin.Name()
	}
	return name, text, nil
}
