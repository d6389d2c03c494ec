package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
)

func completionCommand(c *call) *definition {
	return printer{
		usage: []string{"inith completion bash|zsh|fish"},
		description: `Prints a completion script.

EXAMPLES:
   source <(inith completion bash)
   inith completion zsh > "${fpath[1]}/_inith"
   inith completion fish > ~/.config/fish/completions/inith.fish`,
		what: "shell", names: []string{"bash", "zsh", "fish"},
		print: func(name string) error {
			all := completedCommands(c)
			switch name {
			case "bash":
				return bashCompletion(c.stdout, all)
			case "zsh":
				return zshCompletion(c.stdout, all)
			default:
				return fishCompletion(c.stdout, all)
			}
		},
	}.define(c)
}

// A completedCommand is what a shell needs to know of a command.
type completedCommand struct {
	command

	flags []option.Row
	words []string // that may follow the name
}

func completedCommands(c *call) []completedCommand {
	var all []completedCommand
	for _, row := range commands() {
		other := *c
		other.name = row.name
		name, rest, _ := strings.Cut(row.name, " ")
		if len(all) == 0 || all[len(all)-1].name != name {
			all = append(all, completedCommand{command: row})
		}
		done := &all[len(all)-1]
		done.name, done.words = name, append(done.words, strings.Fields(rest)...)
		done.add(row.define(&other).rows)
	}
	return all
}

// add adds the flags that are new.
func (c *completedCommand) add(rows []option.Row) {
	for _, r := range rows {
		known := slices.ContainsFunc(c.flags, func(f option.Row) bool { return f.Flag == r.Flag })
		if r.Flag != "" && !known {
			c.flags = append(c.flags, r)
		}
	}
}

// bashCompletion offers commands, then the flags of the command and their values, then files.
func bashCompletion(w io.Writer, all []completedCommand) error {
	var flags, values strings.Builder
	var names []string
	for _, c := range all {
		words := slices.Compact(slices.Sorted(slices.Values(c.words)))
		names = append(names, c.name)
		for _, f := range c.flags {
			words = append(words, "--"+f.Flag)
			if len(f.Choices) > 0 {
				fmt.Fprintf(&values, "    %s:--%s) words=%q ;;\n", c.name, f.Flag, strings.Join(f.Choices, " "))
			}
		}
		fmt.Fprintf(&flags, "    %s) words=%q ;;\n", c.name, strings.Join(words, " "))
	}
	_, err := fmt.Fprintf(w, `# bash completion for inith
_inith() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      COMPREPLY=($(compgen -c -f -- "$cur"))
      return
    fi
  done
  case ${COMP_WORDS[1]} in
%s    *) words=%q ;;
  esac
  case ${COMP_WORDS[1]}:$previous in
%s  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _inith inith
`, flags.String(), strings.Join(names, " "), values.String())
	return err
}

func zshCompletion(w io.Writer, all []completedCommand) error {
	var commands, cases strings.Builder
	for _, c := range all {
		fmt.Fprintf(&commands, "    %s\n", zshQuote(c.name+":"+c.summary))
		fmt.Fprintf(&cases, "    %s) _arguments", c.name)
		for _, f := range c.flags {
			fmt.Fprintf(&cases, " \\\n      %s", zshQuote("--"+f.Flag+"["+zshBrackets(f.Usage)+"]"+zshValue(f)))
		}
		cases.WriteString(" \\\n      '*::argument:_default' ;;\n")
	}
	_, err := fmt.Fprintf(w, `#compdef inith
_inith() {
  local -a commands=(
%s  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
%s  esac
}
if [ "$funcstack[1]" = _inith ]; then
  _inith "$@"
else
  compdef _inith inith
fi
`, commands.String(), cases.String())
	return err
}

func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func zshBrackets(s string) string {
	return strings.NewReplacer("[", "(", "]", ")", ":", `\:`).Replace(s)
}

// zshValue returns what completes the value of a flag.
func zshValue(f option.Row) string {
	switch {
	case f.Kind == option.Bool:
		return ""
	case len(f.Choices) > 0:
		return ":value:(" + strings.Join(f.Choices, " ") + ")"
	default:
		return ":value:_default"
	}
}

func fishCompletion(w io.Writer, all []completedCommand) error {
	var b strings.Builder
	b.WriteString("# fish completion for inith\n")
	for _, c := range all {
		fmt.Fprintf(&b, "complete -c inith -n __fish_use_subcommand -f -a %s -d %s\n", c.name, fishQuote(c.summary))
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c inith -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", c.name, f.Flag, fishValue(f), fishQuote(f.Usage))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// fishValue returns what completes the value of a flag.
func fishValue(f option.Row) string {
	switch {
	case f.Kind == option.Bool:
		return ""
	case len(f.Choices) > 0:
		return " -x -a " + fishQuote(strings.Join(f.Choices, " "))
	default:
		return " -r"
	}
}
