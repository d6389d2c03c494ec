package planfile

import (
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/internal/usererr"
)

// TestScripts holds which words of a command an interpreter reads as code. Those are in brackets.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"echo -c x", "sh script.sh x", "sh script.sh -c x", "/app/warm -c x",
		"sh [-c] [x]", "/bin/bash [-ec] [x] y", "bash [-c] [--] [x]", "bash -o pipefail [-c] [x]", "bash -eo pipefail [-c] [x] a b",
		"sh [-c] [-e] [x]", "env A=b busybox sh [-c] [x]", "tini -- sh [-c] [x]", "sh [-c] [x] sh bash [-c] [y]",
		"python3.12 [-c] [x]", "python -W ignore [-c] [x]", "python -m module -c x", "perl [-ne] [x] y", "node [--eval=x]", "node [-e] [x]",
		"ruby [-e] [x]", "php [-r] [x]", "sh +x [-c] [x]",
	} {
		words := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(want))
		got := slices.Clone(words)
		for i := range scripts(words) {
			got[i] = "[" + got[i] + "]"
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestValueInScript holds that each value in a script is refused with what to write instead.
func TestValueInScript(t *testing.T) {
	t.Parallel()
	for script, hint := range map[string]string{
		"echo ${TOKEN}":             `write $$TOKEN, so that the script reads the environment variable; exec can set it: {command: […], env: {TOKEN: "${TOKEN}"}}`,
		"x $$a ${file:/run/s}":      `set an environment variable with exec: {command: […], env: {NAME: "${file:/run/s}"}}, and write $$NAME in the script`,
		"echo ${TOKEN:-none}":       "write $${…} for what the shell replaces",
		"echo $${TOKEN} $TOKEN $$x": "",
		"plain":                     "",
	} {
		if got := usererr.Hint(valueInScript(script)); got != hint {
			t.Errorf("%s: got hint %q, want %q", script, got, hint)
		}
	}
}
