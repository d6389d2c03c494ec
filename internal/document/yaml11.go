package document

import (
	"regexp"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/lazyregexp"
)

// A trap is an unquoted value that a YAML 1.1 parser, such as PyYAML, reads differently from a YAML 1.2 parser.
type trap struct {
	pattern             *regexp.Regexp
	rule, message, hint string
}

const hintQuote = "quote the value if it is a string"

// What a YAML 1.1 parser recognizes.
var (
	booleans11  = lazyregexp.New(`^(y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$`)
	octal11     = lazyregexp.New(`^[-+]?0[0-7_]+$`)
	octal12     = lazyregexp.New(`^0o[0-7]+$`)
	sexagesimal = lazyregexp.New(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
	underscores = lazyregexp.New(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]*_[0-9a-fA-F_]*|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?)$`)
	timestamps  = lazyregexp.New(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t][-0-9:.Z \t+]*)?$`)
	exponents   = lazyregexp.New(`^[-+]?([0-9]+[eE][-+]?[0-9]+|[0-9]*\.[0-9]*[eE][0-9]+)$`)
	valueKey    = lazyregexp.New(`^=$`)
)

// traps11 are the traps of YAML 1.1. The first match counts.
func traps11() []trap {
	return []trap{
		{
			booleans11(),
			ruleBool11, "YAML 1.1 reads this as a boolean", "quote it if it is a string; write true or false if it is a boolean",
		},
		{
			octal11(),
			ruleOctal11, "YAML 1.1 reads this as an octal number", "quote it, or remove the leading zeros",
		},
		{
			octal12(),
			ruleOctal11, "YAML 1.1 reads this as a string", "write the number in decimal",
		},
		{
			sexagesimal(),
			ruleSixty11, "YAML 1.1 reads this as a base-60 number", hintQuote,
		},
		{
			underscores(),
			ruleNumber11, "YAML 1.1 reads this as a number", "quote it if it is a string; write plain digits if it is a number",
		},
		{
			timestamps(),
			ruleDate11, "YAML 1.1 reads this as a date", hintQuote,
		},
		{
			exponents(),
			ruleExponent11, "YAML 1.1 reads this as a string", "write it with a decimal point and a sign, such as 1.0e-4",
		},
		{
			valueKey(),
			ruleDefault11, "YAML 1.1 parsers reject this value", "quote it",
		},
	}
}

// findTraps checks whether an unquoted value is a trap.
func (r *yamlReading) findTraps(text string, at diag.Position) {
	if len(text) > 64 {
		return
	}
	for _, t := range r.traps {
		if t.pattern.MatchString(text) {
			r.add(at, t.rule, t.message, t.hint)
			return
		}
	}
}

// checkZero finds a version such as 1.10 that is a number.
func (r *reading) checkZero(m Member) {
	whole, fraction, _ := strings.Cut(m.Value.Text, ".")
	if m.Value.Kind != Float || !isDigits(whole, "0123456789") || !isDigits(fraction, "0123456789") || !strings.HasSuffix(fraction, "0") {
		return
	}
	key := strings.ToLower(m.Key.Text)
	if strings.Contains(key, "version") || key == "tag" {
		r.add(m.Value.Position(), ruleZero, "a version number without quotes loses its trailing zero", "quote it")
	}
}
