package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inith/inith/tasks/validate"
)

var update = flag.Bool("update", false, "write the output that is there into the golden files")

// TestValidateGolden holds every rule of validate to its exact output: a script a
// rule, with the files that are wrong. Test flag -update writes the output anew.
func TestValidateGolden(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/validate",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        cmdExits,
			"certificates": cmdCertificates,
		},
	})
}

// TestEveryRuleHasItsGolden looks for the script of each rule, and that the rule
// is found in it.
func TestEveryRuleHasItsGolden(t *testing.T) {
	dir := "../../testdata/validate/"
	scripts, err := filepath.Glob(dir + "*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range validate.KnownRules() {
		known[r.Name] = true
		b, err := os.ReadFile(dir + r.Name + ".txtar")
		if err != nil || !strings.Contains(string(b), ": "+r.Name+": ") {
			t.Errorf("rule %s: it is not found by %s.txtar: %v", r.Name, r.Name, err)
		}
	}
	for _, s := range scripts {
		if name := strings.TrimSuffix(filepath.Base(s), ".txtar"); !known[name] {
			t.Errorf("%s is of no rule", s)
		}
	}
}
