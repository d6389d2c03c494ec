package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
)

func helpCommand(c *call) *definition {
	return printer{
		usage:       []string{"inith help [COMMAND]"},
		description: "Shows the help of inith, or of a command.",
		what:        "command", names: commandNames(), optional: true,
		print: func(name string) error {
			if name == "" {
				return writeHelp(c.stdout, mainHelp())
			}
			other := *c
			other.name = name
			return writeHelp(c.stdout, commandHelp(name, findCommand(name).define(&other)))
		},
	}.define(c)
}

// helpRow is the flag that shows a help. It has no variable.
func helpRow() option.Row {
	return option.Row{Flag: "help", Letter: "h", Kind: option.Bool, Usage: "show this help"}
}

func writeHelp(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// mainHelp is the help of inith.
func mainHelp() string {
	var b strings.Builder
	b.WriteString(`NAME:
   inith - prepare a container before its application starts

USAGE:
   inith COMMAND [OPTION...] [ARG...] [-- CMD ARG...]

COMMANDS:
`)
	for _, c := range commands() {
		if strings.Count(c.name, " ") < 2 { // the help of the command has the rest
			fmt.Fprintf(&b, "   %-15s%s\n", c.name, c.summary)
		}
	}
	b.WriteString(`
   "inith help COMMAND" describes a command. Options can stand anywhere before
   "--". Each has an environment variable: that of --timeout of wait is
   INITH_WAIT_TIMEOUT. An option overrides its environment variable.

EXIT STATUS:
`)
	writeExits(&b, exitTable())
	return b.String()
}

// commandHelp is the help of a command.
func commandHelp(name string, d *definition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "NAME:\n   inith %s - %s\n\nUSAGE:\n", name, findCommand(name).summary)
	for _, line := range d.usage {
		fmt.Fprintf(&b, "   %s\n", line)
	}
	fmt.Fprintf(&b, "\n%s\n\nOPTIONS:\n", fill(d.description()))
	for _, r := range d.rows {
		if r.Flag != "" {
			writeOption(&b, r)
		}
	}
	b.WriteString("\nEXIT STATUS:\n")
	writeExits(&b, d.exits)
	b.WriteString("   The exit codes of all commands: inith help\n")
	return b.String()
}

// writeOption writes an option: its flag, then what it does, with its default and its variable.
func writeOption(b *strings.Builder, r option.Row) {
	flag := "--" + r.Flag
	if r.Letter != "" {
		flag += ", -" + r.Letter
	}
	if r.Kind != option.Bool && r.Placeholder != "" {
		flag += " " + r.Placeholder
	}
	text := r.Usage
	if r.Kind == option.Strings || r.Kind == option.StringOrStrings {
		text += "; can be repeated"
	}
	if len(r.Choices) > 0 && !strings.Contains(text, r.Choices[0]) {
		text += ": " + strings.Join(r.Choices, ", ")
	}
	if r.Default != "" && r.Default != "none" && !strings.Contains(text, "(default") {
		text += " (default: " + r.Default + ")"
	}
	fmt.Fprintf(b, "   %s\n", flag)
	if r.Variable != "" {
		text += " [$" + r.Variable + "]"
	}
	for _, line := range wrap(text, 72) {
		fmt.Fprintf(b, "        %s\n", line)
	}
}

// fill wraps paragraphs at 80 columns. It leaves indented lines as they are.
func fill(text string) string {
	var blocks []string
	for block := range strings.SplitSeq(text, "\n\n") {
		if !strings.HasPrefix(block, " ") && !strings.Contains(block, "\n ") {
			block = strings.Join(wrap(block, 80), "\n")
		}
		blocks = append(blocks, block)
	}
	return strings.Join(blocks, "\n\n")
}

// wrap cuts text into lines of at most width characters, between words. A variable in brackets is a word.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

func writeExits(b *strings.Builder, table [][2]string) {
	for _, row := range table {
		for i, line := range wrap(row[1], 66) {
			code := row[0]
			if i > 0 {
				code = ""
			}
			fmt.Fprintf(b, "   %-7s %s\n", code, line)
		}
	}
}
