// Command fields writes the table of fields that inith lint knows, from the types of k8s.io/api. It is a program of this
// module, so that inith links none of them:
//
//	go generate ../lint
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func main() {
	if dirs := os.Args[1:]; len(dirs) > 0 {
		if err := compareAll(os.Stdout, dirs); err != nil {
			fmt.Fprintln(os.Stderr, "fields:", err)
			os.Exit(1)
		}
		return
	}
	if _, err := os.Stdout.WriteString(table()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// objects are the kinds that hold a Pod, and those that lint reads beside them.
func objects() map[string]any {
	return map[string]any{
		"v1/Pod": corev1.Pod{}, "v1/PodTemplate": corev1.PodTemplate{}, "v1/ReplicationController": corev1.ReplicationController{},
		"apps/v1/Deployment": appsv1.Deployment{}, "apps/v1/StatefulSet": appsv1.StatefulSet{}, "apps/v1/DaemonSet": appsv1.DaemonSet{},
		"apps/v1/ReplicaSet": appsv1.ReplicaSet{}, "batch/v1/Job": batchv1.Job{}, "batch/v1/CronJob": batchv1.CronJob{},
		"v1/Service": corev1.Service{}, "v1/ConfigMap": corev1.ConfigMap{}, "v1/Secret": corev1.Secret{},
		"v1/PersistentVolumeClaim": corev1.PersistentVolumeClaim{}, "networking.k8s.io/v1/NetworkPolicy": networkingv1.NetworkPolicy{},
	}
}

// table returns a line for each type: its name, and its fields, each with its type unless that is a string.
func table() string {
	g := generator{lines: map[string]string{}, types: map[string]reflect.Type{}}
	for name, object := range objects() {
		g.add(name, reflect.TypeOf(object))
	}
	lines := make([]string, 0, len(g.lines))
	for name, line := range g.lines {
		lines = append(lines, name+line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// A generator collects types.
type generator struct {
	lines map[string]string
	types map[string]reflect.Type // by name, to find two of one name
}

func (g *generator) add(name string, t reflect.Type) {
	if known, ok := g.types[name]; ok {
		if known != t {
			panic("two types are named " + name)
		}
		return
	}
	g.types[name] = t
	var fields []string
	g.fields(t, &fields)
	if name == "PodSpec" {
		fields = append(fields, "workloadRef=any") // an alpha field of 1.35 only
	}
	slices.Sort(fields)
	g.lines[name] = " " + strings.Join(fields, " ")
}

// fields adds those of a struct, and of the structs that are inlined in it.
func (g *generator) fields(t reflect.Type, all *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			g.fields(f.Type, all)
		case name == "status" || name == "managedFields": // written by the cluster only
			*all = append(*all, name+"=any")
		default:
			field := cmp.Or(name, f.Name)
			if typ := g.typ(f.Type); typ != "string" {
				field += "=" + typ
			}
			*all = append(*all, field)
		}
	}
}

// typ returns how the table writes a type.
func (g *generator) typ(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		return g.typ(t.Elem())
	}
	switch {
	case t == reflect.TypeFor[resource.Quantity]():
		return "quantity"
	case t == reflect.TypeFor[intstr.IntOrString]():
		return "port"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return "any" // such as a time, which only the cluster writes
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "int"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "[]" + g.typ(t.Elem())
	case reflect.Map:
		return "{}" + g.typ(t.Elem())
	case reflect.Struct:
		g.add(t.Name(), t)
		return t.Name()
	default:
		panic("no way to write " + t.String())
	}
}
