package fetch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/faultserver"
)

// tested names what tests each fault of the project's list, by its number.
func tested() map[int][]string {
	all := map[int][]string{
		22: {"fetch.TestDecompressedByStore", "fetch.TestStoredCompressed"},
		31: {"fetch.TestLookupFaults"},
		36: {"fetch.TestFullVolume", "fetch.TestVolumeFillsUp", "fetch.TestReadOnly", "fetch.TestNoPermission", "fetch.TestFileSizeLimit"},
		37: {"fetch.TestNoFallocate"},
		38: {"inith.TestKilled"},
		39: {"inith.TestKilled"},
		40: {"fetch.TestResume"},
		41: {"inith.TestKilled"},
		42: {"fetch.TestDestination"},
		44: {"archive.TestRefused", "archive.TestRefusedZip", "archive.TestBombs", "archive.TestCutShort"},
		46: {"fetch.TestMemoryLimit"},
	}
	for n := 1; n <= 35; n++ {
		if n != 22 && n != 31 && !untested(n) {
			all[n] = append(all[n], "fetch.TestFaults")
		}
	}
	all[32] = append(all[32], "fetch.TestLookupFaults")
	all[43], all[45] = []string{"fetch.TestFaults"}, []string{"fetch.TestFaults"}
	return all
}

// untested reports whether a fault is none of this package: HTTP/2, which it does
// not speak, and what stores other than HTTP servers do.
func untested(n int) bool { return slices.Contains([]int{11, 13, 18}, n) }

func TestEachFaultIsTested(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for name, folder := range map[string]string{"fetch": ".", "archive": "archive", "inith": "../cmd/inith"} {
		for _, test := range testsIn(t, folder) {
			there[name+"."+test] = true
		}
	}
	list := tested()
	const last = 46
	for n := 1; n <= last; n++ {
		if len(list[n]) == 0 && !untested(n) {
			t.Errorf("nothing tests fault %d", n)
		}
		for _, name := range list[n] {
			if !there[name] {
				t.Errorf("there is no %s, which should test fault %d", name, n)
			}
		}
	}
	for _, f := range faultserver.Faults() {
		want := "fetch.TestFaults"
		if lookedUp(f) {
			want = "fetch.TestLookupFaults"
		}
		if !slices.Contains(list[f.Number], want) {
			t.Errorf("%s is not listed as tested by %s", f, want)
		}
	}
}

// testsIn returns the names of the tests of a folder.
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no tests, %v", folder, err)
	}
	var names []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
