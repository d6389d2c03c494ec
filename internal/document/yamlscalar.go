package document

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
)

// scalar returns the kind of a scalar of YAML and its text.
func (t *tree) scalar(n *yaml.Node, at diag.Position) (Kind, string) {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return t.tagged(n, at), n.Value
	case quoted || n.Tag == "!":
		return String, n.Value
	}
	t.findTraps(n.Value, at)
	return KindOf(n.Value), n.Value
}

// tagged returns the kind that an explicit tag declares.
func (t *tree) tagged(n *yaml.Node, at diag.Position) Kind {
	kinds := map[string][]Kind{
		"!!null":  {Null},
		"!!bool":  {Bool},
		"!!int":   {Int},
		"!!float": {Float, Int},
	}
	allowed, ok := kinds[n.Tag]
	if !ok {
		return String
	}
	if !slices.Contains(allowed, KindOf(n.Value)) {
		t.add(at, ruleSyntax, "the value does not have the type of its tag", "")
		return String
	}
	return allowed[0]
}

// KindOf returns the kind of an unquoted value in the core schema of YAML 1.2.
func KindOf(text string) Kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	case ".nan", ".NaN", ".NAN":
		return Float
	}
	unsigned := strings.TrimPrefix(text, "-")
	if unsigned == text {
		unsigned = strings.TrimPrefix(text, "+")
	}
	switch {
	case slices.Contains([]string{".inf", ".Inf", ".INF"}, unsigned), isDecimal(unsigned):
		return Float
	case isDigits(unsigned, "0123456789"),
		strings.HasPrefix(text, "0o") && isDigits(text[2:], "01234567"),
		strings.HasPrefix(text, "0x") && isDigits(text[2:], "0123456789abcdefABCDEF"):
		return Int
	}
	return String
}

func isDigits(text, digits string) bool { return text != "" && strings.Trim(text, digits) == "" }

// isDecimal reports whether text is digits with a point, an exponent, or both.
func isDecimal(text string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if scientific {
		exponent = strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
		if !isDigits(exponent, "0123456789") {
			return false
		}
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	return (point || scientific) && isDigits(whole+fraction, "0123456789") && (whole != "" || fraction != "")
}
