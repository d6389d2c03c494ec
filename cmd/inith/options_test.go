package main

import (
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/cmd/inith/internal/modelsfile"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
)

// TestDefaults reads every table without any value: a default that its own option refuses would panic.
func TestDefaults(t *testing.T) {
	t.Parallel()
	defaults(t, waitTable(nil))
	defaults(t, option.Table[*fetchOptions]{Options: append(fileOptions(nil), listOptions(nil)...)})
	defaults(t, fetchStepTable(nil))
	defaults(t, option.Table[*validateOptions]{Options: append(fileArguments(), sharedChecks()...)})
	defaults(t, validateStepTable())
	defaults(t, renderTable())
	defaults(t, option.Table[*migrateOptions]{Options: migrateOptionRows(nil)})
	defaults(t, migrateStepTable(nil))
	defaults(t, cachePruneTable())
	defaults(t, auditTable(nil))
	defaults(t, auditVerifyTable())
	defaults(t, logsTable(nil))
	defaults(t, metricsTable())
	defaults(t, runTable())
	defaults(t, execTable())
	defaults(t, filesTable())
	defaults(t, actionTable())
	defaults(t, option.Table[*globals]{Options: globalOptions()})
	defaults(t, modelsfile.Table(nil))
	defaults(t, rulesfile.Table())
	defaults(t, rulesfile.FileTable())
	defaults(t, rulesfile.TLSTable())
	defaults(t, rulesfile.EnvTable())
	defaults(t, planfile.StepTable(stepKinds(&runner{})))
}

func defaults[T any](t *testing.T, table option.Table[*T]) {
	t.Helper()
	seen := map[string]bool{}
	for i := range table.Options {
		id := table.Options[i].ID()
		if seen[id] {
			t.Errorf("%T: two options are called %s", table, id)
		}
		seen[id] = true
		for _, other := range table.Options[i].Excludes {
			if !has(table, other) {
				t.Errorf("%T: %s excludes %s, which the table does not have", table, id, other)
			}
		}
	}
	_, _, _ = option.ReadLine(table, option.Line{})
	_, _ = option.ReadMapping(&yaml.Node{Kind: yaml.MappingNode}, table)
}

func has[P any](table option.Table[P], id string) bool {
	for i := range table.Options {
		if table.Options[i].ID() == id {
			return true
		}
	}
	return false
}

// TestStepsAndFlagsAgree holds what a flag and a key of a plan share to one row: an option of a command that a step has too
// is the same option.
func TestStepsAndFlagsAgree(t *testing.T) {
	t.Parallel()
	steps := map[string][]option.Row{
		"wait": waitTable(nil).Rows("wait"), "fetch": fetchStepTable(nil).Rows("fetch"), "validate": validateStepTable().Rows("validate"),
		"render": renderTable().Rows("render"), "migrate": migrateStepTable(nil).Rows("migrate"),
	}
	for command, rows := range steps {
		flags := map[string]option.Row{}
		for _, r := range definitionOf(t, command).rows {
			flags[r.Flag] = r
		}
		for _, r := range rows {
			if f := flags[r.Flag]; r.Flag != "" && (f.Key != r.Key || f.Kind != r.Kind || f.Usage != r.Usage || f.Default != r.Default) {
				t.Errorf("%s --%s: %+v as a flag, %+v as a key", command, r.Flag, f, r)
			}
		}
	}
}
