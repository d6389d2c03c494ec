package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHelpFits holds every help to 80 columns.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	all := map[string]string{"": mainHelp()}
	for _, name := range commandNames() {
		all[name] = commandHelp(name, definitionOf(t, name))
	}
	for name, text := range all {
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("help %s: %d columns: %s", name, n, line)
			}
		}
	}
}
