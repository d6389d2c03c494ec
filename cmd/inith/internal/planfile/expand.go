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
	standIn  standIn             // for values that are undefined
	seen     map[*yaml.Node]bool // a node with aliases is visited once
	problems []*diag.Error
}

// expand replaces ${NAME} and ${file:PATH} in the strings of a plan, except in those that name steps. Where the value is
// undefined, it puts the stand-in. Each problem has the position of its string.
func expand(root *yaml.Node, env environment.Variables, standIn standIn) []*diag.Error {
	e := &expander{env: env, standIn: standIn, seen: map[*yaml.Node]bool{}}
	e.visit(root, 0)
	return e.problems
}

func (e *expander) visit(n *yaml.Node, depth int) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if e.seen[n] {
		return
	}
	e.seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		value, err := e.expandString(n.Value)
		e.fail(n, err)
		n.Value = value
	case yaml.SequenceNode:
		e.checkScripts(n)
		for _, item := range n.Content {
			e.visit(item, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			const ofStep = 2 // the plan, the list of its steps
			key, value := n.Content[i].Value, n.Content[i+1]
			if depth == ofStep && (key == "name" || key == "needs") {
				continue
			}
			if key == "check" { // a command in one string
				e.checkScriptIn(scalar(value))
			}
			e.visit(value, depth+1)
		}
	}
}

func (e *expander) fail(n *yaml.Node, err error) {
	for _, err := range diag.Flatten(err) {
		e.problems = append(e.problems, diag.At(diag.Position{Line: n.Line, Column: n.Column}, err))
	}
}

// checkScripts refuses values in those words of a command that an interpreter reads as code.
func (e *expander) checkScripts(list *yaml.Node) {
	words := make([]string, len(list.Content))
	for i, item := range list.Content {
		words[i] = scalar(item).Value
	}
	for i := range scripts(words) {
		e.checkScript(scalar(list.Content[i]))
	}
}

// checkScriptIn refuses values in a command that is one string, if an interpreter reads a part of it as code.
func (e *expander) checkScriptIn(command *yaml.Node) {
	for range scripts(strings.Fields(command.Value)) {
		e.checkScript(command)
		return
	}
}

// checkScript refuses values in a script. A string that is refused is not visited again.
func (e *expander) checkScript(n *yaml.Node) {
	if err := valueInScript(n.Value); err != nil {
		e.fail(n, err)
		e.seen[n] = true
	}
}

// scalar returns the node that an alias stands for.
func scalar(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// expandString replaces what stands for values in a string. Its error quotes only names of variables and files.
func (e *expander) expandString(s string) (string, error) {
	parts, err := split(s)
	if err != nil {
		return s, err
	}
	encode := encoder(s)
	var b strings.Builder
	for _, p := range parts {
		value := p.text
		if p.stands {
			defined, undefined := e.expansion(p.text)
			if undefined == nil {
				defined, undefined = encode(p.at, defined)
			}
			if undefined != nil {
				err = errors.Join(err, undefined)
				defined = e.standInFor(s)
			}
			value = defined
		}
		b.WriteString(value)
	}
	return b.String(), err
}

// A standIn is put where a value is undefined, so that the rest of the plan can be checked.
type standIn struct {
	whole string // in a string that is not a URL
	inURL string // fits anywhere in a URL that begins with its scheme
}

func (e *expander) standInFor(s string) string {
	switch schemeOf(s) {
	case "":
		return e.standIn.whole
	case "file://", "unix://":
		return "/" + e.standIn.inURL
	default:
		return e.standIn.inURL
	}
}

// A part of a string is text, or what stands for a value.
type part struct {
	text   string // without ${ and }
	stands bool
	at     int // where it begins in the string
}

// split takes a string apart; $$ becomes $.
func split(s string) ([]part, error) {
	var parts []part
	for i := 0; i < len(s); {
		p := part{at: i}
		length := 1 + strings.IndexByte(s[i+1:]+"$", '$')
		switch {
		case strings.HasPrefix(s[i:], "$$"):
			p.text, length = "$", 2
		case strings.HasPrefix(s[i:], "${"):
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, errors.New("${ is not closed; $$ stands for $")
			}
			p.text, p.stands, length = s[i+2:i+end], true, end+1
		default:
			p.text = s[i : i+length]
		}
		parts = append(parts, p)
		i += length
	}
	return parts, nil
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
