package document

import (
	"bytes"
	"strings"

	"github.com/inith/inith/internal/diag"
)

// A dotenvReader reads lines of NAME=value, as Docker Compose does. It expands no variables, because programs differ in
// what they expand.
type dotenvReader struct {
	*reading
	text   []byte
	pos    int
	root   *Node
	broken bool
}

// parseDotenv reads a dotenv file into a mapping. It reports every invalid line.
func (r *reading) parseDotenv() ([]*Node, bool) {
	d := &dotenvReader{reading: r, text: r.source.text, root: r.node(Mapping, "", diag.Position{Line: 1, Column: 1})}
	for d.pos < len(d.text) {
		if d.full(d.source.position(d.pos)) {
			return nil, false
		}
		d.line()
	}
	d.findDuplicates(d.root)
	return []*Node{d.root}, !d.broken
}

func (d *dotenvReader) fail(offset int, message, hint string) {
	d.add(d.source.position(offset), ruleSyntax, message, hint)
	d.broken = true
}

// rest returns the rest of the line, without the line break.
func (d *dotenvReader) rest() []byte {
	line, _, _ := bytes.Cut(d.text[d.pos:], []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

func (d *dotenvReader) spaces() int {
	rest := d.rest()
	n := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	d.pos += n
	return n
}

// skipLine moves to the next line.
func (d *dotenvReader) skipLine() {
	if i := bytes.IndexByte(d.text[d.pos:], '\n'); i >= 0 {
		d.pos += i + 1
	} else {
		d.pos = len(d.text)
	}
}

// line reads a line, or all lines of a quoted value.
func (d *dotenvReader) line() {
	defer d.skipLine()
	d.spaces()
	rest := d.rest()
	if len(rest) == 0 || rest[0] == '#' {
		return
	}
	if after, ok := bytes.CutPrefix(rest, []byte("export")); ok && len(bytes.TrimLeft(after, " \t")) < len(after) {
		d.pos += len("export")
		d.spaces()
	}
	name, separator := cutName(d.rest())
	if separator == 0 {
		d.inherited(name)
		return
	}
	key := d.key(name)
	d.pos += len(name) + separator
	before, after := len(name)-len(bytes.TrimRight(name, " \t")), d.spaces()
	if rest := d.rest(); separator == len("=") && (before > 0 || after > 0 && len(rest) > 0 && rest[0] != '#') {
		d.add(key.Position(), ruleDotenvSpace, "spaces around =", "write NAME=value without them")
	}
	if value := d.value(); value != nil {
		d.root.Members = append(d.root.Members, Member{key, value})
	}
}

// cutName returns what is before the separator of a line, and the length of that: "=", ": " as in YAML, or 0 for none.
func cutName(line []byte) (name []byte, separator int) {
	equals, colon := bytes.IndexByte(line, '='), bytes.Index(line, []byte(": "))
	switch {
	case colon >= 0 && (equals < 0 || colon < equals) && isComposeName(string(line[:colon])):
		return line[:colon], len(": ")
	case equals >= 0:
		return line[:equals], len("=")
	default:
		return line, 0
	}
}

// inherited reads a name alone: the variable of the environment, if it is set there.
func (d *dotenvReader) inherited(line []byte) {
	name := strings.TrimRight(string(line), " \t")
	if !isComposeName(name) {
		d.fail(d.pos, "a line without =", "write NAME=value, and # before a comment")
		return
	}
	at := d.source.position(d.pos)
	value := d.node(Null, "", at)
	value.Untyped = true
	d.root.Members = append(d.root.Members, Member{d.key(line), value})
}

func (d *dotenvReader) key(raw []byte) *Node {
	at := d.source.position(d.pos)
	name := strings.TrimRight(string(raw), " \t")
	switch {
	case name == "":
		d.fail(d.pos, "no name before =", "write NAME=value")
	case !isComposeName(name):
		d.add(at, ruleDotenvKey, "the name has characters other than letters, digits, _, . and -, or begins with a digit", "")
	}
	return d.node(String, name, at)
}

// isComposeName reports whether Compose takes a name, and no other program a digit at its beginning.
func isComposeName(name string) bool {
	rest := strings.NewReplacer(".", "", "-", "", "[", "", "]", "").Replace(name)
	return rest != "" && isVariable(rest) && isVariable(name[:1])
}

// isVariable reports whether name is a valid name of a shell variable.
func isVariable(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return strings.Trim(name, letters+"0123456789") == "" && strings.IndexByte(letters, name[0]) >= 0
}

// value reads a value: a quoted one, or everything up to a comment or the end of the line.
func (d *dotenvReader) value() *Node {
	at := d.source.position(d.pos)
	n := d.node(String, "", at)
	n.Untyped = true
	rest := d.rest()
	if len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'') {
		text, ok := d.quoted(rest[0])
		n.Text = text
		if !ok {
			return nil
		}
		return n
	}
	for i, c := range rest {
		if c == '#' && (i == 0 || rest[i-1] == ' ' || rest[i-1] == '\t') {
			rest = rest[:i]
			break
		}
	}
	n.Text = string(bytes.TrimRight(rest, " \t"))
	return n
}

// quoted reads a value in quotes. In single quotes, a backslash escapes only the quote.
func (d *dotenvReader) quoted(quote byte) (string, bool) {
	opening := d.pos
	var text strings.Builder
	for d.pos++; d.pos < len(d.text); d.pos++ {
		switch c := d.text[d.pos]; {
		case c == quote:
			d.pos++
			d.spaces()
			if rest := d.rest(); len(rest) > 0 && rest[0] != '#' {
				d.fail(d.pos, "unexpected characters after the closing quote", "quote the whole value, and escape the quotes in it")
				return "", false
			}
			return text.String(), true
		case quote == '\'' && bytes.HasPrefix(d.text[d.pos:], []byte(`\'`)):
			d.pos++
			text.WriteByte(quote)
		case c == '\\' && quote == '"' && d.pos+1 < len(d.text):
			d.pos++
			text.WriteString(unescape(d.text[d.pos]))
		default:
			text.WriteByte(c)
		}
	}
	d.fail(opening, "the closing quote is missing at the end of the file", "close the quotes")
	return "", false
}

// unescape returns the meaning of an escape in double quotes.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$', '`':
		return string(rune(c))
	default:
		return "\\" + string([]byte{c})
	}
}
