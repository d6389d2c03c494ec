// Package api_test holds the packages that others import to an API that they can use.
package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/inith/inith/"

// public are the packages of the module that others may import.
var public = []string{
	"probe", "tasks/files", "tasks/install", "tasks/migrate",
}

// TestNoInternalTypes walks the exported signatures, fields and methods of each
// package: whoever imports it cannot name a type of internal/.
func TestNoInternalTypes(t *testing.T) {
	t.Parallel()
	for _, path := range public {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			for _, fault := range faults(load(t, path)) {
				t.Error(fault)
			}
		})
	}
}

// TestWalk shows that the walk finds a type of internal/: tlsconfig has one in a method.
func TestWalk(t *testing.T) {
	t.Parallel()
	if len(faults(load(t, "internal/libpq"))) == 0 {
		t.Error("libpq.Settings takes a tlsconfig.TLS, which the walk does not find")
	}
}

// load returns the types of a package, from what the compiler exports of it.
func load(t *testing.T, path string) *types.Package {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", module+path)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, file, _ := strings.Cut(lines.Text(), "\t")
		exports[name] = file
	}
	lookup := func(name string) (io.ReadCloser, error) { return os.Open(exports[name]) }
	p, err := importer.ForCompiler(token.NewFileSet(), "gc", lookup).Import(module + path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// faults returns where a type of internal/ is in what a package exports.
func faults(p *types.Package) []string {
	w := &walk{own: p, seen: map[types.Type]bool{}}
	for _, name := range p.Scope().Names() {
		if o := p.Scope().Lookup(name); o.Exported() {
			w.object(name, o)
		}
	}
	return w.faults
}

// A walk goes through all that can be reached from outside a package.
type walk struct {
	own    *types.Package
	seen   map[types.Type]bool
	faults []string
}

func (w *walk) object(where string, o types.Object) { w.visit(where, o.Type()) }

func (w *walk) visit(where string, t types.Type) {
	if w.seen[t] {
		return
	}
	switch t := t.(type) {
	case *types.Named:
		w.named(where, t)
		return
	case *types.Alias:
		w.visit(where, types.Unalias(t))
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Signature:
		w.tuple(where, t.Params())
		w.tuple(where, t.Results())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				w.object(where+"."+f.Name(), f)
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			w.object(where+"."+m.Name(), m)
		}
	case *types.Map:
		w.visit(where, t.Key())
		w.visit(where, t.Elem())
	case interface{ Elem() types.Type }: // a pointer, slice, array or channel
		w.visit(where, t.Elem())
	}
}

func (w *walk) tuple(where string, all *types.Tuple) {
	for v := range all.Variables() {
		w.object(where, v)
	}
}

// named looks into the package's own types, and at the names of others.
func (w *walk) named(where string, t *types.Named) {
	w.seen[t] = true
	for arg := range t.TypeArgs().Types() {
		w.visit(where, arg)
	}
	switch p := t.Obj().Pkg(); {
	case p == nil: // error
	case p != w.own && strings.HasPrefix(p.Path(), module) && strings.Contains(p.Path(), "internal/"):
		w.faults = append(w.faults, fmt.Sprintf("%s: %s", where, t))
		delete(w.seen, t) // each place counts
	case p == w.own:
		w.visit(where, t.Underlying())
		for m := range t.Methods() {
			if m.Exported() {
				w.object(where+"."+m.Name(), m)
			}
		}
	}
}
