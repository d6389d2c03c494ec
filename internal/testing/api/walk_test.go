package api_test

import (
	"cmp"
	"go/types"
	"slices"
	"strings"
)

// A violation is an exported name of a package that needs an internal type.
type violation struct {
	name string // such as probe.Waiter.TLS
	of   string // such as github.com/inith/inith/internal/tlsconfig.TLS
}

// violationsOf returns those of a package, sorted by name.
func violationsOf(p *types.Package) []violation {
	w := &walk{}
	for _, name := range p.Scope().Names() {
		if object := p.Scope().Lookup(name); object.Exported() {
			w.object(p.Name()+"."+name, object)
		}
	}
	slices.SortFunc(w.found, func(a, b violation) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.of, b.of))
	})
	return slices.Compact(w.found)
}

type walk struct{ found []violation }

func (w *walk) object(name string, object types.Object) {
	declared, ok := object.(*types.TypeName)
	if !ok {
		w.use(name, object.Type())
		return
	}
	if declared.IsAlias() {
		w.use(name, types.Unalias(object.Type()))
		return
	}
	w.params(name, object)
	w.structure(name, object.Type().Underlying())
	methods := types.NewMethodSet(types.NewPointer(object.Type()))
	for method := range methods.Methods() {
		if method.Obj().Exported() {
			w.use(name+"."+method.Obj().Name(), method.Type())
		}
	}
}

// params goes through the constraints of a generic type.
func (w *walk) params(name string, object types.Object) {
	if named, ok := object.Type().(*types.Named); ok {
		for param := range named.TypeParams().TypeParams() {
			w.use(name, param.Constraint())
		}
	}
}

// structure goes through what a type is made of: of a struct, its exported fields.
func (w *walk) structure(name string, t types.Type) {
	fields, ok := t.(*types.Struct)
	if !ok {
		w.use(name, t)
		return
	}
	for field := range fields.Fields() {
		if field.Exported() {
			w.use(name+"."+field.Name(), field.Type())
		}
	}
}

// use goes through a type that a name needs.
func (w *walk) use(name string, t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		w.named(name, t.Obj(), t.TypeArgs())
	case *types.Named:
		w.named(name, t.Obj(), t.TypeArgs())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel, map
		if m, ok := t.(*types.Map); ok {
			w.use(name, m.Key())
		}
		w.use(name, t.Elem())
	case *types.Signature:
		w.tuple(name, t.Params())
		w.tuple(name, t.Results())
		for param := range t.TypeParams().TypeParams() {
			w.use(name, param.Constraint())
		}
	case *types.Struct:
		w.structure(name, t)
	case *types.Interface:
		for method := range t.ExplicitMethods() {
			w.use(name+"."+method.Name(), method.Type())
		}
		for embedded := range t.EmbeddedTypes() {
			w.use(name, embedded)
		}
	case *types.Union:
		for term := range t.Terms() {
			w.use(name, term.Type())
		}
	}
}

// named notes a type that others cannot import. The types of other packages are held by their own walk.
func (w *walk) named(name string, object *types.TypeName, args *types.TypeList) {
	if p := object.Pkg(); p != nil && slices.Contains(strings.Split(p.Path(), "/"), "internal") {
		w.found = append(w.found, violation{name: name, of: p.Path() + "." + object.Name()})
	}
	for arg := range args.Types() {
		w.use(name, arg)
	}
}

func (w *walk) tuple(name string, vars *types.Tuple) {
	for v := range vars.Variables() {
		w.use(name, v.Type())
	}
}
