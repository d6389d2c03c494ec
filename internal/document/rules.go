package document

// The rules of this package. Users see their names.
const (
	ruleSyntax      = "syntax"
	ruleTooLarge    = "too-large"
	ruleDuplicate   = "duplicate-key"
	ruleBOM         = "byte-order-mark"
	ruleNUL         = "nul-byte"
	ruleUTF8        = "invalid-utf-8"
	ruleTab         = "tab-indentation"
	ruleTemplate    = "unrendered-template"
	ruleDepth       = "nesting-depth"
	ruleExpansion   = "alias-expansion"
	ruleCycle       = "alias-cycle"
	ruleZero        = "lost-zero"
	ruleBool11      = "yaml-1.1-bool"
	ruleOctal11     = "yaml-1.1-octal"
	ruleSixty11     = "yaml-1.1-sexagesimal"
	ruleNumber11    = "yaml-1.1-number"
	ruleDate11      = "yaml-1.1-date"
	ruleExponent11  = "yaml-1.1-exponent"
	ruleDefault11   = "yaml-1.1-value"
	ruleDotenvKey   = "dotenv-key"
	ruleDotenvSpace = "dotenv-space"
)

// A Rule is a kind of finding of [Parse].
type Rule struct{ Name, Means string }

// Rules returns all rules of [Parse].
func Rules() []Rule {
	return []Rule{
		{ruleSyntax, "the file is not well-formed"},
		{ruleTooLarge, "a file has more than 8 MiB, 2 MiB of YAML, a million keys and values, 200,000 commas (YAML, TOML), or 10,000 keys in a TOML table: too much to look at"},
		{ruleDuplicate, "a mapping has a duplicate key: parsers use the first value, the last value, or reject the file"},
		{ruleBOM, "the file begins with a byte order mark"},
		{ruleNUL, "the file holds a NUL byte"},
		{ruleUTF8, "the file is not UTF-8"},
		{ruleTab, "YAML is indented with a tab"},
		{ruleTemplate, "a value is an unrendered template or a placeholder: {{ }}, ${NAME}, <CHANGE…>"},
		{ruleDepth, "values are nested too deeply to be intended"},
		{ruleExpansion, "YAML aliases expand to far more values than the file has (an alias bomb)"},
		{ruleCycle, "a YAML alias is used inside its own anchor"},
		{ruleZero, "an unquoted version such as 1.10 is the number 1.1"},
		{ruleBool11, "yes, no, on, off, y or n, which YAML 1.1 reads as a boolean (--yaml-compat 1.1)"},
		{ruleOctal11, "a number such as 010, which YAML 1.1 reads as octal, or 0o10, which it reads as a string (--yaml-compat 1.1)"},
		{ruleSixty11, "digits and colons such as 1:30, which YAML 1.1 reads as a base-60 number (--yaml-compat 1.1)"},
		{ruleNumber11, "1_000 or 0b1, which YAML 1.1 reads as a number (--yaml-compat 1.1)"},
		{ruleDate11, "a date, which YAML 1.1 does not read as a string (--yaml-compat 1.1)"},
		{ruleExponent11, "a number such as 1e-4, which YAML 1.1 reads as a string (--yaml-compat 1.1)"},
		{ruleDefault11, "a lone =, which YAML 1.1 parsers reject (--yaml-compat 1.1)"},
		{ruleDotenvKey, "a variable name has characters other than letters, digits, _, . and -, or begins with a digit"},
		{ruleDotenvSpace, "spaces around the = of a dotenv line, which a shell rejects, and Compose does not"},
	}
}
