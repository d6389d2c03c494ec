package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/modelsfile"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
	"github.com/inith/inith/internal/shellwords"
	"github.com/inith/inith/lint"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/migrate"
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

func TestDocsHaveTheKinds(t *testing.T) {
	rows := table(t, "docs/wait.md", "kind", "URL", "levels")
	var documented, want [][]string
	for _, row := range rows {
		documented = append(documented, []string{row[0], row[2]})
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range probe.Kinds() {
		var levels []string
		for _, l := range k.Levels {
			levels = append(levels, l.String())
		}
		want = append(want, []string{k.Name, strings.Join(levels, ", ")})
		for _, scheme := range append(k.Aliases, k.Name) {
			if i < len(rows) && !strings.Contains(rows[i][1], scheme+"://") {
				t.Errorf("docs/wait.md: the URL of %s lacks the scheme %s", k.Name, scheme)
			}
		}
		if i < len(rows) {
			if _, err := probe.Open(strings.Trim(rows[i][5], "`"), probe.Options{}); err != nil {
				t.Errorf("docs/wait.md: the example of %s: %v", k.Name, err)
			}
		}
		if !strings.Contains(string(readme), "`"+k.Name+"`") {
			t.Errorf("README does not name the kind %s", k.Name)
		}
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("kinds (-code +docs/wait.md):\n%s", diff)
	}
}

func TestDocsHaveTheTools(t *testing.T) {
	rows := table(t, "docs/migrate.md", "tool", "check")
	var documented, want []string
	for i, tool := range migrate.Tools() {
		want = append(want, tool.Name)
		if i >= len(rows) {
			continue
		}
		for _, command := range [][]string{tool.Check, tool.Command} {
			if !strings.Contains(strings.Join(rows[i], " "), strings.Join(command, " ")) {
				t.Errorf("docs/migrate.md: the row of %s lacks %q", tool.Name, command)
			}
		}
	}
	for _, row := range rows {
		documented = append(documented, row[0])
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("tools (-code +docs):\n%s", diff)
	}
}

// TestDocsOfOtherTools opens every command line of inith that stands for one of another tool.
func TestDocsOfOtherTools(t *testing.T) {
	opened := 0
	for _, row := range table(t, "docs/coming-from.md", "before", "inith") {
		for _, quoted := range regexp.MustCompile("`inith wait ([^`]*)`").FindAllStringSubmatch(row[1], -1) {
			words, err := shellwords.Split(quoted[1])
			if err != nil {
				t.Fatal(err)
			}
			for i, word := range words {
				if word == "--" {
					break
				}
				if !strings.Contains(word, ":") || i > 0 && strings.HasPrefix(words[i-1], "-") && words[i-1] != "-t" {
					continue
				}
				opened++
				if _, err := probe.Open(word, probe.Options{}); err != nil {
					t.Errorf("%s: %v", word, err)
				}
			}
		}
	}
	if opened < 10 {
		t.Errorf("%d targets in docs/coming-from.md", opened)
	}
}

func TestDocsOfModelServers(t *testing.T) {
	rows := table(t, "docs/models.md", "server", "target")
	for _, row := range rows {
		if _, err := probe.Open(strings.Trim(row[1], "`"), probe.Options{}); err != nil {
			t.Errorf("%s: %v", row[1], err)
		}
	}
	if len(rows) < 5 {
		t.Errorf("%d targets in docs/models.md", len(rows))
	}
}

// TestDocsOfMigrators reads every command line, and wants that every preset has one.
func TestDocsOfMigrators(t *testing.T) {
	presets := map[string]bool{}
	for _, row := range table(t, "docs/migrators.md", "migrator", "command") {
		words := strings.Fields(strings.Trim(row[1], "`"))
		if !slices.Equal(words[:2], []string{"inith", "migrate"}) || !slices.Contains(words, "--lock-from-env") {
			t.Errorf("%q is no migration", words)
		}
		if words[2] != "--tool" {
			continue
		}
		presets[words[3]] = true
		if _, err := findTool(words[3]); err != nil {
			t.Error(err)
		}
	}
	for _, tool := range migrate.Tools() {
		if !presets[tool.Name] {
			t.Errorf("docs/migrators.md lacks %s", tool.Name)
		}
	}
}

func TestDocsHaveTheFragmentKeys(t *testing.T) {
	var want [][]string
	kinds := map[string][]string{}
	for _, k := range probe.Kinds() {
		for _, key := range k.Keys {
			if kinds[key.Name] == nil {
				want = append(want, []string{"`" + key.Name + "`", "", key.Usage})
			}
			kinds[key.Name] = append(kinds[key.Name], k.Name)
		}
	}
	for _, row := range want {
		row[1] = strings.Join(kinds[strings.Trim(row[0], "`")], ", ")
		switch row[1] {
		case strings.Join(kinds["level"], ", "):
			row[1] = "all"
		case strings.Join(kinds["ca-file"], ", "):
			row[1] = "all with TLS"
		}
		row[1] = strings.Replace(row[1], strings.Join(kinds["header-file"], ", "), "all over HTTP", 1)
	}
	if diff := cmp.Diff(want, table(t, "docs/wait.md", "fragment key", "kinds")); diff != "" {
		t.Errorf("fragment keys (-code +docs):\n%s", diff)
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

// definitionOf returns a command as it is without an environment.
func definitionOf(t *testing.T, name string) *definition {
	t.Helper()
	c := &call{name: name, reporter: &reporter{}}
	return findCommand(name).define(c)
}

// ownFlags are the flags of a command but those of every command, and their short forms.
func ownFlags(t *testing.T, command string) []string {
	t.Helper()
	global := map[string]bool{"help": true}
	for _, o := range globalOptions() {
		global[o.Flag] = true
	}
	var all []string
	for _, r := range definitionOf(t, command).rows {
		if r.Flag != "" && !global[r.Flag] {
			all = append(all, r.Flag)
			if r.Letter != "" {
				all = append(all, r.Letter)
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestDocsHaveTheFlags(t *testing.T) {
	if diff := cmp.Diff(ownFlags(t, "cache prune"), names(table(t, "docs/cache.md", "option", "default"))); diff != "" { // ls and verify have fewer
		t.Errorf("flags of cache prune (-code +docs):\n%s", diff)
	}
	for _, command := range []string{"wait", "fetch", "validate", "render", "migrate", "run", "lint", "explain", "rbac", "install", "sidecar audit", "sidecar logs", "sidecar metrics"} {
		page := command[strings.LastIndexByte(command, ' ')+1:]
		if diff := cmp.Diff(ownFlags(t, command), names(table(t, "docs/"+page+".md", "option", "default"))); diff != "" {
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
	if diff := cmp.Diff(keyNames(modelsfile.Table(nil)), names(table(t, "docs/fetch.md", "key", "as"))); diff != "" {
		t.Errorf("keys (-code +docs):\n%s", diff)
	}
}

func TestDocsHaveTheKeysOfRules(t *testing.T) {
	for head, want := range map[string][]string{
		"key of files": keyNames(rulesfile.FileTable()), "key of secret": keyNames(rulesfile.SecretTable()), "key of tls": keyNames(rulesfile.TLSTable()), "key of a variable": keyNames(rulesfile.EnvTable()),
	} {
		if diff := cmp.Diff(want, names(table(t, "docs/validate.md", head, "is"))); diff != "" {
			t.Errorf("%s (-code +docs):\n%s", head, diff)
		}
	}
}

func keyNames[P any](table option.Table[P]) []string {
	all := table.Keys()
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
	for head, want := range map[string][]string{
		"key of a step": keyNames(planfile.StepTable(stepKinds(&runner{}))), "key of an action": keyNames(actionTable()),
		"key of wait": keyNames(waitTable(nil)), "key of fetch": keyNames(fetchStepTable(nil)), "key of validate": keyNames(validateStepTable()), "key of render": keyNames(renderTable()),
		"key of migrate": keyNames(migrateStepTable(nil)), "key of exec": keyNames(execTable()), "key of files": keyNames(filesTable()),
	} {
		if diff := cmp.Diff(want, names(table(t, "docs/run.md", head, "is"))); diff != "" {
			t.Errorf("%s (-code +docs):\n%s", head, diff)
		}
	}
}

// TestDocsHaveTheRulesOfLint compares docs/rules.md with the table, and has each rule report its bad manifest and accept
// its good one.
func TestDocsHaveTheRulesOfLint(t *testing.T) {
	b, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(b), "\n## ")[1:]
	rules := lint.Rules()
	if len(sections) != len(rules) {
		t.Fatalf("%d sections, %d rules", len(sections), len(rules))
	}
	for i, rule := range rules {
		head, body, _ := strings.Cut(sections[i], "\n")
		text := strings.Join(strings.Fields(body), " ")
		if means := rule.Severity.String() + ": " + rule.Means; head != rule.ID+" "+rule.Name || !strings.Contains(strings.ToLower(text), strings.ToLower(means)) {
			t.Errorf("section %q of rule %s, want %q", head, rule.ID, means)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n# (bad|good)\n(.*?)```").FindAllStringSubmatch(body, -1)
		if len(blocks) != 2 || blocks[0][1] != "bad" || blocks[1][1] != "good" {
			t.Errorf("%s: want a bad and a good manifest", rule.ID)
			continue
		}
		for j, want := range []bool{true, false} {
			r := lint.Linter{Only: []string{rule.ID}, KubeMinor: 28}.Lint(lint.File{Path: "docs/rules.md", Data: []byte(blocks[j][2])})
			if got := len(r.Findings) > 0; got != want {
				t.Errorf("%s: the %s manifest has findings: %+v", rule.ID, blocks[j][1], r.Findings)
			}
		}
	}
}

// TestExamplesAreClean has lint read all examples as one set.
func TestExamplesAreClean(t *testing.T) {
	paths, err := filepath.Glob("../../examples/k*/*.yaml")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	var files []lint.File
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, lint.File{Path: path, Data: b})
	}
	r := lint.Linter{}.Lint(files...)
	for _, f := range r.Findings {
		if f.Severity > lint.Info {
			t.Errorf("%s:%d: %s %s: %s", f.Path, f.Line, f.Rule, f.Object, f.Message)
		}
	}
	if r.Pods < len(paths) {
		t.Errorf("%d Pods in %d examples", r.Pods, len(paths))
	}
}

// TestDocsLinkToFiles follows the relative links of all pages.
func TestDocsLinkToFiles(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range append(pages, "../../README.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(b), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: no file %s", page, m[1])
			}
		}
	}
	if links < 30 {
		t.Errorf("%d links", links)
	}
}
