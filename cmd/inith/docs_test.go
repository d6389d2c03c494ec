package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/render"
	"github.com/inith/inith/tasks/validate"
)

// table returns the rows of the Markdown table whose head starts with the cells.
func table(t *testing.T, file string, head ...string) [][]string {
	t.Helper()
	b, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	inside := false
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if slices.Equal(cells[:min(len(head), len(cells))], head) {
			inside = true
		} else if inside && !strings.HasPrefix(cells[0], "---") {
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table %v", file, head)
	}
	return rows
}

func TestReadmeHasTheExitCodes(t *testing.T) {
	var want [][]string
	for _, row := range exitTable() {
		want = append(want, row[:])
	}
	if diff := cmp.Diff(want, table(t, "README.md", "code", "meaning")); diff != "" {
		t.Errorf("exit codes (-code +README):\n%s", diff)
	}
}

func TestReadmeHasTheKinds(t *testing.T) {
	rows := table(t, "README.md", "kind", "URL", "levels")
	var documented, want [][]string
	for _, row := range rows {
		documented = append(documented, []string{row[0], row[2]})
	}
	for i, k := range probe.Kinds() {
		var levels []string
		for _, l := range k.Levels {
			levels = append(levels, l.String())
		}
		want = append(want, []string{k.Name, strings.Join(levels, ", ")})
		for _, scheme := range append(k.Aliases, k.Name) {
			if i < len(rows) && !strings.Contains(rows[i][1], scheme+"://") {
				t.Errorf("README: the URL of %s lacks the scheme %s", k.Name, scheme)
			}
		}
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("kinds (-code +README):\n%s", diff)
	}
}

func TestDocsHaveTheFragmentKeys(t *testing.T) {
	documented := map[string]string{}
	for _, row := range table(t, "docs/wait.md", "fragment key", "kinds") {
		for name := range strings.SplitSeq(row[0], ",") {
			documented[strings.Trim(strings.TrimSpace(name), "`")] = row[1]
		}
	}
	for _, k := range probe.Kinds() {
		for _, key := range k.Keys {
			kinds, ok := documented[key]
			if !ok || !slices.Contains(strings.Split(kinds, ", "), k.Name) {
				t.Errorf("docs/wait.md: fragment key %s of kind %s is not documented (has %q)", key, k.Name, kinds)
			}
		}
	}
}

// names returns the names in the first cells of a table.
func names(rows [][]string) []string {
	var all []string
	for _, row := range rows {
		for name := range strings.SplitSeq(row[0], ",") {
			all = append(all, strings.Trim(strings.TrimSpace(name), "`-"))
		}
	}
	slices.Sort(all)
	return all
}

func TestDocsHaveTheFlagsOfFetch(t *testing.T) {
	var want []string
	for _, f := range newApp(&process{}).Command("fetch").Flags {
		want = append(want, f.Names()...)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(table(t, "docs/fetch.md", "option", "default"))); diff != "" {
		t.Errorf("flags (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheFlagsOfTasks(t *testing.T) {
	for _, command := range []string{"render", "migrate", "run", "install"} {
		var want []string
		for _, f := range newApp(&process{}).Command(command).Flags {
			want = append(want, f.Names()...)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, names(table(t, "docs/"+command+".md", "option", "default"))); diff != "" {
			t.Errorf("flags of %s (-code +docs):\n%s", command, diff)
		}
	}
}

func TestDocsHaveTheFunctionsOfRender(t *testing.T) {
	var want [][]string
	for _, f := range render.Functions() {
		want = append(want, []string{"`" + f.Name + "`", "`" + f.Args + "`", f.Does})
	}
	if diff := cmp.Diff(want, table(t, "docs/render.md", "function", "is given", "makes")); diff != "" {
		t.Errorf("functions (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheKeysOfModels(t *testing.T) {
	var want []string
	for _, k := range new(process).modelKeys() {
		want = append(want, k.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(table(t, "docs/fetch.md", "key", "as"))); diff != "" {
		t.Errorf("keys (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheFlagsOfValidate(t *testing.T) {
	var want []string
	for _, f := range validateCommand(&process{}).Flags { // without the global ones
		want = append(want, f.Names()...)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(table(t, "docs/validate.md", "option", "default"))); diff != "" {
		t.Errorf("flags (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheKeysOfRules(t *testing.T) {
	for head, want := range map[string][]string{
		"key of files": keyNames(fileTable()), "key of secret": keyNames(secretTable()), "key of tls": keyNames(tlsTable()), "key of a variable": keyNames(envTable()),
	} {
		if diff := cmp.Diff(want, names(table(t, "docs/validate.md", head, "is"))); diff != "" {
			t.Errorf("%s (-code +docs):\n%s", head, diff)
		}
	}
}

func keyNames[T any](table option.Table[T]) []string {
	var all []string
	for _, k := range table.Keys {
		all = append(all, k.Name)
	}
	slices.Sort(all)
	return all
}

func TestDocsHaveTheRules(t *testing.T) {
	var want [][]string
	for _, r := range validate.KnownRules() {
		want = append(want, []string{"`" + r.Name + "`", r.Means})
	}
	if diff := cmp.Diff(want, table(t, "docs/validate.md", "rule", "means")); diff != "" {
		t.Errorf("rules (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheKeysOfPlans(t *testing.T) {
	p := &process{}
	for head, want := range map[string][]string{
		"key of a step": keyNames(p.stepTable()), "key of an action": keyNames(actionTable()),
		"key of wait": keyNames(p.waitTable()), "key of fetch": keyNames(p.fetchTable()), "key of validate": keyNames(p.validateTable()), "key of render": keyNames(p.renderTable()),
		"key of migrate": keyNames(p.migrateTable()), "key of exec": keyNames(execTable()), "key of files": keyNames(filesTable()),
	} {
		if diff := cmp.Diff(want, names(table(t, "docs/run.md", head, "is"))); diff != "" {
			t.Errorf("%s (-code +docs):\n%s", head, diff)
		}
	}
}
