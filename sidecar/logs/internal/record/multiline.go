package record

import (
	"errors"
	"regexp"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/suggest"
)

// A Machine says which lines belong to one record. It begins with each line in a state, and each line that a rule of that
// state matches belongs to the record too.
type Machine struct {
	first *regexp.Regexp // a line that matches begins a record, and all others go on; nil: rules decide
	rules []rule
}

// A rule takes a line in a state to the next state.
type rule struct {
	from, to state
	match    func() *regexp.Regexp
}

type state int

const (
	outside state = iota // before a line that begins a record of several lines
	within
	ending // after the line that is the last but for a few
)

// Machines returns the names that [ParseMachine] knows.
func Machines() []string { return []string{"python", "java", "go"} }

// ParseMachine returns the machine for the stack traces of a language, or the one for which a regular expression matches
// the first line of each record.
func ParseMachine(text string) (*Machine, error) {
	switch text {
	case "python":
		return &Machine{rules: python()}, nil
	case "java":
		return &Machine{rules: java()}, nil
	case "go":
		return &Machine{rules: golang()}, nil
	}
	first, err := regexp.Compile(text)
	switch {
	case err != nil || text == "":
		return nil, errors.New("want python, java, go or a regular expression (RE2) for the first line of a record")
	case strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == "": // a language that inith does not know would join all lines
		return nil, errors.New("want python, java or go; a regular expression that is a word is written as ^word or (word)" + suggest.DidYouMean(text, Machines()))
	}
	return &Machine{first: first}, nil
}

// begin returns the state after the first line of a record, false if no other line can belong to it.
func (m *Machine) begin(line []byte) (state, bool) {
	if m.first != nil {
		return within, true
	}
	return m.next(outside, line)
}

// next returns the state after one more line, false if the line does not belong to the record.
func (m *Machine) next(s state, line []byte) (state, bool) {
	if m.first != nil {
		return within, !m.first.Match(line)
	}
	for _, r := range m.rules {
		if r.from == s && r.match().Match(line) {
			return r.to, true
		}
	}
	return outside, false
}

var (
	pythonBegin    = lazyregexp.New(`Traceback \(most recent call last\):\s*$`)
	pythonIndented = lazyregexp.New(`^[ \t]`)
	pythonError    = lazyregexp.New(`^[\pL_][\pL\d_.]*(:|$)`)
	pythonChain    = lazyregexp.New(`^$|^(During handling of the above|The above) exception\b`)

	javaBegin = lazyregexp.New(`.`)
	javaFrame = lazyregexp.New(`^[ \t]+(at |\.\.\. \d+|- locked |eval )|^[ \t]*(Caused by|Suppressed): |^[ \t]*nested exception is `)

	goBegin  = lazyregexp.New(`(^|\s)(panic: |fatal error: |http: panic serving )`)
	goMiddle = lazyregexp.New(`^$|^\[signal |^goroutine \d+ .*\[[^\]]+\]:$|^[^\s:]+\(.*\)$|^[ \t]|^created by |^exit status \d+$|^panic: `)
)

// python is the traceback of Python: indented lines, then the error, then perhaps the traceback that led to it.
func python() []rule {
	return []rule{
		{outside, within, pythonBegin},
		{within, within, pythonIndented},
		{within, ending, pythonError},
		{ending, ending, pythonChain},
		{ending, within, pythonBegin},
	}
}

// java is the stack trace of Java: any line with frames below it.
func java() []rule {
	return []rule{
		{outside, within, javaBegin},
		{within, within, javaFrame},
	}
}

// golang is the end of a Go program by a panic.
func golang() []rule {
	return []rule{
		{outside, within, goBegin},
		{within, within, goMiddle},
	}
}
