package planfile

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/diag"
)

// An expander replaces what stands for values in the strings of a plan.
type expander struct {
	env      environment.Variables
	seen     map[*yaml.Node]bool // a node with aliases is visited once
	problems []*diag.Error
}

// expand replaces ${NAME} and ${file:PATH} in the strings of a plan, except in those that name steps.
func expand(root *yaml.Node, env environment.Variables) []*diag.Error {
	e := &expander{env: env, seen: map[*yaml.Node]bool{}}
	e.visit(root, 0)
	return e.problems
}

func (e *expander) visit(n *yaml.Node, depth int) {
	if e.seen[n] {
		return
	}
	e.seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		value, err := e.expandString(n.Value)
		if err != nil {
			e.problems = append(e.problems, diag.At(diag.Position{Line: n.Line, Column: n.Column}, err))
		}
		n.Value = value
	case yaml.SequenceNode:
		for _, item := range n.Content {
			e.visit(item, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			const ofStep = 2 // the plan, the list of its steps
			if key := n.Content[i].Value; depth != ofStep || key != "name" && key != "needs" {
				e.visit(n.Content[i+1], depth+1)
			}
		}
	}
}

// expandString replaces what stands for values in a string. Its error quotes only names of variables and files.
func (e *expander) expandString(s string) (string, error) {
	encode := encoder(s)
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "$$"):
			b.WriteByte('$')
			i += 2
		case strings.HasPrefix(s[i:], "${"):
			length := strings.IndexByte(s[i:], '}')
			if length < 0 {
				return s, errors.New("${ is not closed; $$ stands for $")
			}
			value, err := e.expansion(s[i+2 : i+length])
			if err == nil {
				value, err = encode(i, value)
			}
			if err != nil {
				return s, err
			}
			b.WriteString(value)
			i += length + 1
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String(), nil
}

// expansion returns the value that ${what} stands for.
func (e *expander) expansion(what string) (string, error) {
	name, ok := strings.CutPrefix(what, "file:")
	switch {
	case !ok && environment.IsName(what):
		return e.env.Secret(what)
	case !ok:
		return "", errors.New("want ${NAME} or ${file:PATH}; $$ stands for $")
	}
	b, err := option.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("%q cannot be read: %w", name, err)
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return "", fmt.Errorf("%q is empty", name)
	}
	if strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%q contains a NUL byte", name)
	}
	return value, nil
}

// encoder returns the encoder for a value substituted into a string: percent-encoding inside a URL whose scheme is
// written out, except in its host.
func encoder(text string) func(at int, value string) (string, error) {
	scheme := schemeOf(text)
	if scheme == "" {
		return func(_ int, value string) (string, error) { return value, nil }
	}
	if scheme == "file://" || scheme == "unix://" { // no host, but a path
		return func(_ int, value string) (string, error) {
			return strings.ReplaceAll(percentEncode(value), "%2F", "/"), nil
		}
	}
	plain := mask(text)
	end := len(plain)
	if i := strings.IndexAny(plain[len(scheme):], "/?#"); i >= 0 {
		end = len(scheme) + i
	}
	host := len(scheme) + strings.LastIndexByte(plain[len(scheme):end], '@') + 1
	return func(at int, value string) (string, error) {
		switch {
		case at < host || at >= end:
			return percentEncode(value), nil
		case strings.Trim(value, hostCharacters) != "":
			return "", errors.New("the value is not a host: at this position of a URL it is not encoded")
		}
		return value, nil
	}
}

// schemeOf returns the scheme of a URL with "://" behind it, "" if text does not begin with one.
func schemeOf(text string) string {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || scheme == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+.-") != "" {
		return ""
	}
	return scheme + "://"
}

// mask replaces each ${…} by as many letters: the slashes of a path in ${file:…} are not those of the URL.
func mask(text string) string {
	b := []byte(text)
	inside := false
	for i := range b {
		inside = inside || strings.HasPrefix(text[i:], "${")
		closing := b[i] == '}'
		if inside {
			b[i] = 'x'
		}
		inside = inside && !closing
	}
	return string(b)
}

func percentEncode(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// hostCharacters are those of hosts, addresses, ports, and lists of them.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[],"
