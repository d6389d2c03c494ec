package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/suggest"
)

func completionCommand(p *process) *cli.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for bash, zsh or fish",
		UsageText: "inith completion bash|zsh|fish",
		Description: `EXAMPLES:
   source <(inith completion bash)
   inith completion zsh > "${fpath[1]}/_inith"
   inith completion fish > ~/.config/fish/completions/inith.fish`,
		Action: func(c *cli.Context) error {
			writers := map[string]func(io.Writer, *cli.App) error{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			name := c.Args().First()
			write, ok := writers[name]
			if !ok || c.NArg() != 1 {
				return usagef("want one shell: %s%s", strings.Join(shells, ", "), suggest.DidYouMean(name, shells))
			}
			return write(p.stdout, c.App)
		},
	}
}

// bashCompletion offers commands, then the flags of the command, then files.
func bashCompletion(w io.Writer, app *cli.App) error {
	var cases strings.Builder
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&cases, "    %s) words=%q ;;\n", c.Name, strings.Join(flagWords(c), " "))
	}
	_, err := fmt.Fprintf(w, `# bash completion for inith
_inith() {
  local cur=${COMP_WORDS[COMP_CWORD]} words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      COMPREPLY=($(compgen -c -f -- "$cur"))
      return
    fi
  done
  case ${COMP_WORDS[1]} in
%s    *) words=%q ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _inith inith
`, cases.String(), strings.Join(commandNames(app), " "))
	return err
}

func zshCompletion(w io.Writer, app *cli.App) error {
	var commands, cases strings.Builder
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&commands, "    %s\n", zshQuote(c.Name+":"+c.Usage))
		fmt.Fprintf(&cases, "    %s) _arguments", c.Name)
		for _, f := range completionFlags(c) {
			fmt.Fprintf(&cases, " \\\n      %s", zshQuote("--"+f.name+"["+zshBrackets(f.usage)+"]"+f.zshArgument()))
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

func fishCompletion(w io.Writer, app *cli.App) error {
	var b strings.Builder
	b.WriteString("# fish completion for inith\n")
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&b, "complete -c inith -n __fish_use_subcommand -f -a %s -d %s\n", c.Name, fishQuote(c.Usage))
		for _, f := range completionFlags(c) {
			fmt.Fprintf(&b, "complete -c inith -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", c.Name, f.name, f.fishArgument(), fishQuote(f.usage))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// A completionFlag is what a shell needs to know of a flag.
type completionFlag struct {
	name, usage string
	value       bool
}

func (f completionFlag) zshArgument() string {
	if !f.value {
		return ""
	}
	return ":value:_default"
}

func (f completionFlag) fishArgument() string {
	if !f.value {
		return ""
	}
	return " -r"
}

func completionFlags(c *cli.Command) []completionFlag {
	var flags []completionFlag
	for _, f := range c.VisibleFlags() {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		flags = append(flags, completionFlag{f.Names()[0], strings.ReplaceAll(d.GetUsage(), "`", ""), d.TakesValue()})
	}
	return flags
}

func flagWords(c *cli.Command) []string {
	var words []string
	for _, f := range completionFlags(c) {
		words = append(words, "--"+f.name)
	}
	return words
}
