package main

import (
	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/modelsfile"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
)

func schemaCommand(c *call) *definition {
	return printer{
		usage: []string{"inith schema models|plan|rules"},
		description: `Prints the JSON Schema (draft 2020-12) of the file that "fetch --file", "run" or
"validate --rules" reads, for editors and validators.`,
		what: "schema", names: []string{"models", "plan", "rules"},
		print: func(name string) error {
			_, err := c.stdout.Write(schemaOf(name))
			return err
		},
	}.define(c)
}

// schemaOf returns the JSON Schema of a file that inith reads.
func schemaOf(name string) []byte {
	var none environment.Variables
	switch name {
	case "models":
		return option.ListSchema("models.yaml of inith fetch", modelsfile.Table(none))
	case "plan":
		return option.Schema("plan.yaml of inith run", planfile.Table(stepKinds(&runner{})))
	default:
		return option.Schema("rules.yaml of inith validate", rulesfile.Table())
	}
}
