// Package api_test holds the packages that others may import to be usable by them: no exported signature or field has a
// type of an internal package, and a module of its own, integration/apiuser, uses them.
package api_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/inith/inith/"

// known are violations that remain. A row that is no longer one fails the test, too: the table only shrinks.
var known = map[string]string{}

// TestNoInternalTypeIsExported walks the packages that others may import.
func TestNoInternalTypeIsExported(t *testing.T) {
	t.Parallel()
	public, load := packages(t)
	if len(public) < 9 {
		t.Errorf("only %d packages: %v", len(public), public)
	}
	left := maps.Clone(known)
	for _, path := range public {
		p, err := load.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range violationsOf(p) {
			if known[v.name] == v.of {
				delete(left, v.name)
				continue
			}
			t.Errorf("%s has the internal type %s", v.name, v.of)
		}
	}
	for name := range left {
		t.Errorf("%s has no internal type any more: take it out of the table", name)
	}
}

// TestAPIUser compiles and runs a module that is no part of inith, as others have it.
func TestAPIUser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a module")
	}
	test := exec.CommandContext(t.Context(), "go", "test", "./...")
	test.Dir = "../../../integration/apiuser"
	test.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// packages returns the packages of probe, fetch, tasks, sidecar and lint that are not internal, and what loads them.
func packages(t *testing.T) ([]string, types.Importer) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./...")
	list.Dir, list.Stderr = "../../..", os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var public []string
	export := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		export[path] = file
		tree, _, _ := strings.Cut(strings.TrimPrefix(path, module), "/")
		if strings.HasPrefix(path, module) && strings.Contains(" probe fetch tasks sidecar lint ", " "+tree+" ") && !strings.Contains(path, "/internal") {
			public = append(public, path)
		}
	}
	return public, importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(export[path])
	})
}

// TestViolations holds the walk to find an internal type wherever it may be.
func TestViolations(t *testing.T) {
	t.Parallel()
	const source = `package p
import "x/internal/y"
type (
	Field struct { A y.T; b y.T; C []map[string]*y.T; Fine int }
	Embeds struct { y.T }
	Face interface { M(y.T); y.T }
	Alias = y.T
	Func func() (int, y.T)
	Generic[V y.T] struct{}
	Of struct{ G Box[y.T] }
	Box[V any] struct{}
	Chan chan y.T
	hidden struct { A y.T }
	Fine struct { hidden }
)
var Var y.T
const Const y.N = 1
func F(a int, b ...y.T) {}
func (Fine) M() y.T { panic(0) }
func (*Fine) m() y.T { panic(0) }
func fine(y.T) {}
`
	got := violations(t, source)
	want := []string{
		"p.Alias", "p.Chan", "p.Const", "p.Embeds.T", "p.F", "p.Face", "p.Face.M", "p.Field.A", "p.Field.C", "p.Fine.M", "p.Func",
		"p.Generic", "p.Of.G", "p.Var",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// violations are those of a package p whose source is given, with its import of x/internal/y.
func violations(t *testing.T, source string) []string {
	t.Helper()
	y := check(t, "x/internal/y", "package y\ntype T interface{}\ntype N int\n", nil)
	var names []string
	for _, v := range violationsOf(check(t, "x/p", source, y)) {
		names = append(names, v.name)
	}
	return names
}

func check(t *testing.T, path, source string, imported *types.Package) *types.Package {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importerFunc(func(string) (*types.Package, error) { return imported, nil })}
	p, err := config.Check(path, files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
