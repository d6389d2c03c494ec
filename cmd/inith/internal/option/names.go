package option

import (
	"strings"
	"unicode"

	"github.com/inith/inith/internal/redact"
)

// camelCase writes the name of a flag as that of a key: stall-timeout becomes stallTimeout.
func camelCase(name string) string {
	var b strings.Builder
	upper := false
	for _, r := range name {
		switch {
		case r == '-':
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Variable returns the name of an environment variable: of the flag attempt-timeout of the command wait it is
// INITH_WAIT_ATTEMPT_TIMEOUT. The command is "" for global flags.
func Variable(command, flag string) string {
	name := flag
	if command != "" {
		name = command + "_" + flag
	}
	return "INITH_" + strings.Map(variableLetter, name)
}

// variableLetter returns a letter of a flag as variables have it.
func variableLetter(r rune) rune {
	if strings.ContainsRune("- .", r) {
		return '_'
	}
	return unicode.ToUpper(r)
}

// A Row is what help, completion and documentation need to know of an option.
type Row struct {
	Flag, Letter, Arg, Key string // "" where the option has no such name
	Variable               string // "" if no variable sets it
	Old                    []string
	Kind                   Kind
	Usage                  string // without backquotes
	Placeholder            string // of the value; "" if there is none
	Default                string // for people; "" for none
	Choices                []string
}

func (t *table) rows(command string) []Row {
	rows := make([]Row, len(t.options))
	for i, o := range t.options {
		rows[i] = o.describe(command)
	}
	return rows
}

// describe returns what help, completion and documentation need to know.
func (o *row) describe(command string) Row {
	r := Row{
		Flag: o.Flag, Letter: o.Letter, Arg: o.Arg, Key: o.key(), Old: o.Old, Kind: o.Kind, Choices: o.Choices,
		Default: o.DefaultText,
	}
	if r.Default == "" {
		r.Default = o.Default
	}
	if o.Flag != "" && !o.NoVariable {
		r.Variable = o.variable(command, o.Flag)
	}
	r.Placeholder, r.Usage = o.placeholder()
	return r
}

func (o *row) variable(command, flag string) string {
	if o.Global {
		command = ""
	}
	return Variable(command, flag)
}

// placeholder returns the word in backquotes, and the usage without them.
func (o *row) placeholder() (name, usage string) {
	before, rest, ok := strings.Cut(o.Usage, "`")
	if ok {
		var after string
		name, after, _ = strings.Cut(rest, "`")
		return name, before + name + after
	}
	if o.Kind != Bool && o.Flag != "" {
		name = "VALUE"
	}
	return name, o.Usage
}

// quoted returns ` "key"` for a message, or "" where the key may be the rest of a secret.
func quoted(key string) string {
	if redact.Word(strings.ToLower(key)) == "" {
		return ""
	}
	return ` "` + key + `"`
}
