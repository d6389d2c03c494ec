package main

// commandHelp is the template of a command's help. cli fills it.
func commandHelp() string {
	return `NAME:
   {{.HelpName}} - {{.Usage}}

USAGE:
   {{.UsageText}}

{{.Description}}

OPTIONS:
{{range .VisibleFlags}}   {{.}}
{{end}}
EXIT STATUS:
` + exitStatus()
}

// appHelp is the template of inith's own help.
func appHelp() string {
	return `NAME:
   {{.Name}} - {{.Usage}}

USAGE:
   {{.UsageText}}

COMMANDS:
{{range .VisibleCommands}}   {{printf "%-12s" .Name}}{{.Usage}}
{{end}}
   inith COMMAND --help tells more. Options can stand anywhere before --, and each has
   a variable: --timeout of wait is INITH_WAIT_TIMEOUT. An option beats its variable.

EXIT STATUS:
` + exitStatus()
}
