package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

func schemaCommand(p *process) *cli.Command {
	schemas := map[string]func() []byte{
		"plan":   func() []byte { return option.Schema("plan.yaml of inith run", p.planTable()) },
		"models": func() []byte { return option.ListSchema("models.yaml of inith fetch", p.modelTable()) },
		"rules":  func() []byte { return option.Schema("rules.yaml of inith validate", rulesTable()) },
	}
	return &cli.Command{
		Name:      "schema",
		Usage:     "print the JSON Schema of a file that inith reads",
		UsageText: "inith schema models|plan|rules",
		Description: `Prints the JSON Schema (draft 2020-12) of the file that "fetch --file", "run" or
"validate --file" reads, for editors and validators.`,
		Action: func(c *cli.Context) error {
			name, known := c.Args().First(), slices.Sorted(maps.Keys(schemas))
			if schemas[name] == nil || c.NArg() != 1 {
				return usagef("unknown schema%s%s, have %s", redact.Quoted(name), suggest.DidYouMean(name, known), strings.Join(known, ", "))
			}
			_, err := p.stdout.Write(schemas[name]())
			return err
		},
	}
}
