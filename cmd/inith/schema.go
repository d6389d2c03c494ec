package main

import (
	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/keys"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

func schemaCommand(p *process) *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Usage:     "print the JSON Schema of a file that inith reads",
		UsageText: "inith schema models",
		Description: `Prints the JSON Schema (draft 2020-12) of the file that "fetch --file" reads, for
editors and validators.`,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); c.NArg() != 1 || name != "models" {
				return usagef("unknown schema%s%s, have models", redact.Quoted(name), suggest.DidYouMean(name, []string{"models"}))
			}
			_, err := p.stdout.Write(keys.ListSchema("models.yaml of inith fetch", p.modelTable()))
			return err
		},
	}
}
