package planfile

import (
	"fmt"
	"iter"
	"path"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/internal/usererr"
)

// interpreters maps programs, without the version in their names, to the letters of the options that introduce code.
// Words beginning with "--" are the long forms.
func interpreters() map[string][]string {
	shell := []string{"c"}
	return map[string][]string{
		"sh": shell, "bash": shell, "ash": shell, "dash": shell, "ksh": shell, "mksh": shell, "zsh": shell, "fish": {"c", "--command"},
		"python": {"c"}, "pypy": {"c"}, "perl": {"e", "E"}, "ruby": {"e"}, "lua": {"e"}, "php": {"r", "--run"},
		"node": {"e", "p", "--eval", "--print"}, "nodejs": {"e", "p", "--eval", "--print"},
	}
}

// scripts yields the indexes of the words of a command that an interpreter reads as code, as in [sh, -c, SCRIPT].
// Programs such as env, busybox or tini may stand before the interpreter.
func scripts(words []string) iter.Seq[int] {
	known := interpreters()
	return func(yield func(int) bool) {
		var codeOptions []string // nil: not among the options of an interpreter
		introduced := false
		for i, word := range words {
			isOption := strings.HasPrefix(word, "-") || strings.HasPrefix(word, "+")
			switch options := known[program(word)]; {
			case codeOptions == nil || !isOption && !introduced && !takesValue(words[i-1]):
				codeOptions = options
			case isOption:
				introduced = introduced || introduces(word, codeOptions)
				if introduced && !yield(i) { // the code may be a part of it
					return
				}
			case introduced:
				if !yield(i) {
					return
				}
				codeOptions, introduced = nil, false
			}
		}
	}
}

// program returns the name of a program without its directory and version.
func program(word string) string {
	return strings.TrimRight(path.Base(word), "0123456789.")
}

// introduces reports whether an option says that code follows: -c, -ec, --eval, --eval=CODE.
func introduces(option string, letters []string) bool {
	name, _, _ := strings.Cut(option, "=")
	name, _, _ = strings.Cut(name, "${")
	for _, letter := range letters {
		long := strings.HasPrefix(letter, "--")
		if long && name == letter || !long && !strings.HasPrefix(name, "--") && strings.Contains(name, letter) {
			return true
		}
	}
	return false
}

// takesValue reports whether the next word belongs to an option: bash -o pipefail, python -W ignore.
func takesValue(option string) bool {
	return strings.HasSuffix(option, "o") && strings.HasPrefix(option, "-") || option == "-W" || option == "-X" || option == "-O"
}

// valueInScript returns an error if a script has a ${…} that inith would replace: the value would be code.
func valueInScript(script string) error {
	parts, _ := split(script) // expand reports the error
	for _, p := range parts {
		if p.stands {
			return scriptError(p.text)
		}
	}
	return nil
}

func scriptError(what string) error {
	e := &usererr.Error{Text: "${" + what + "} in a script: the value would run as code"}
	_, isFile := strings.CutPrefix(what, "file:")
	switch {
	case environment.IsName(what):
		e.Hint = fmt.Sprintf("write $$%s, so that the script reads the environment variable; exec can set it: {command: […], env: {%s: \"${%s}\"}}", what, what, what)
	case isFile:
		e.Hint = fmt.Sprintf("set an environment variable with exec: {command: […], env: {NAME: \"${%s}\"}}, and write $$NAME in the script", what)
	default:
		e.Text = "${…} in a script is neither ${NAME} nor ${file:PATH}"
		e.Hint = "write $${…} for what the shell replaces"
	}
	return e
}
