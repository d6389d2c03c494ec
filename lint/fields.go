package lint

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/suggest"
)

//go:generate sh -c "cd ../integration && go run ./fields > ../lint/fields.txt"

//go:embed fields.txt
var fieldTable string

// A schema has the fields of Kubernetes' types: their types, by their names.
type schema map[string]map[string]string

// readSchema reads the table, which has a line for each type: its name and its fields. A field is name=type, or a name alone
// if it is a string; []type is a list, {}type a mapping with any keys, port a number or a name, base64 an encoded string.
func readSchema() schema {
	s := schema{}
	for line := range strings.Lines(fieldTable) {
		words := strings.Fields(line)
		fields := make(map[string]string, len(words)-1)
		for _, w := range words[1:] {
			name, typ, given := strings.Cut(w, "=")
			if !given {
				typ = "string"
			}
			fields[name] = typ
		}
		s[words[0]] = fields
	}
	return s
}

// root returns the type of an object, "" if the table does not have it.
func (s schema) root(object value) string {
	name := object.at("apiVersion").text() + "/" + object.at("kind").text()
	if _, known := s[name]; known {
		return name
	}
	return ""
}

// holdsPod reports whether objects of a type have the specification of a Pod.
func (s schema) holdsPod(typ string) bool {
	fields := s[typ]
	return fields["template"] != "" || fields["spec"] == "PodSpec" || s[fields["spec"]]["template"] != "" || s[fields["spec"]]["jobTemplate"] != ""
}

// unknownField finds fields that the API server refuses: it does not know them, or wants a value of another type.
func unknownField(p *Pod, m *Manifests) []Finding {
	w := fieldWalk{pod: p, schema: m.schema, minor: m.minor}
	switch root := m.schema.root(p.workload); {
	case p.workload.at("sops").exists(): // encrypted: its values are not those that the API server gets
	case root != "":
		w.value(p.workload, root)
	case p.fragment:
		w.specification(p.spec)
	}
	return w.found
}

// A fieldWalk compares a value with the schema.
type fieldWalk struct {
	pod       *Pod
	schema    schema
	minor     int // of the version of Kubernetes, 0 if it is unknown
	container string
	parents   []string // the types around a value
	path      []string // of the value: keys, and indices such as [0]
	found     []Finding
}

func (w *fieldWalk) add(f Finding) {
	f.Container = w.container
	w.found = append(w.found, f)
}

// specification checks a part of a Pod's specification. Without a kind, it may be something else: its other keys are ignored,
// as are lists of other things, and what is left is a warning.
func (w *fieldWalk) specification(spec value) {
	for _, key := range slices.Sorted(maps.Keys(w.schema["PodSpec"])) {
		typ, v := w.schema["PodSpec"][key], spec.at(key)
		if !v.exists() || w.mismatch(v, typ) != "" || slices.ContainsFunc(v.items(), func(item value) bool { return item.node.Kind != document.Mapping }) {
			continue
		}
		w.below(key, v, typ)
	}
	for i := range w.found {
		w.found[i].Severity = Warning
	}
}

// value checks a value of a type. What a template or another program fills in is unknown.
func (w *fieldWalk) value(v value, typ string) {
	if !v.exists() || typ == "any" || isUnknown(v.text()) && typ != "string" || w.isTemplate(v) {
		return
	}
	if want := w.mismatch(v, typ); want != "" {
		f := v.finding(w.pathTo("")+" must be "+want, quotesFix(v, typ))
		f.Edit = w.pod.retype(v, typ)
		w.add(f)
		return
	}
	if element, ok := strings.CutPrefix(typ, "[]"); ok {
		for i, item := range v.node.Items {
			w.below("["+strconv.Itoa(i)+"]", value{item}, element)
		}
		return
	}
	if element, ok := strings.CutPrefix(typ, "{}"); ok {
		for _, m := range v.node.Members {
			w.below(w.keyOf(m), value{m.Value}, element)
		}
		return
	}
	if fields, ok := w.schema[typ]; ok {
		w.object(v, typ, fields)
	}
}

// isTemplate reports whether a value is a template without quotes, which YAML takes for mappings.
func (w *fieldWalk) isTemplate(v value) bool {
	return v.node.Kind == document.Mapping && strings.HasPrefix(w.pod.lines.from(v.node.Position()), "{{")
}

// object checks the fields of a mapping.
func (w *fieldWalk) object(v value, typ string, fields map[string]string) {
	around := w.container
	if strings.HasSuffix(typ, "Container") {
		w.container = v.at("name").text()
	}
	w.parents = append(w.parents, typ)
	for _, m := range v.node.Members {
		key := m.Key.Text
		if field, known := fields[key]; known {
			w.version(m, typ)
			w.below(key, value{m.Value}, field)
			continue
		}
		if w.pod.fragment && strings.HasPrefix(key, "$") {
			continue // a directive of a patch, such as $patch
		}
		f := value{m.Key}.finding("Kubernetes knows no field "+w.pathTo(w.keyOf(m)), w.unknownFix(key, typ))
		known := slices.Sorted(maps.Keys(fields))
		if i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, key) }); i >= 0 {
			f.Edit = w.pod.rename(value{m.Key}, known[i])
		}
		w.add(f)
	}
	w.parents = w.parents[:len(w.parents)-1]
	w.container = around
}

// keyOf returns a key for a message. Those of a Secret are masked unless they look like a field: it may be a value in a
// wrong place.
func (w *fieldWalk) keyOf(m document.Member) string {
	key := m.Key.Text
	if w.pod.kind == kindSecret && (strings.Trim(key, letters) != "" || len(key) > 32) {
		return "…"
	}
	return key
}

// unknownFix says what to do about a field that a type does not have.
func (w *fieldWalk) unknownFix(key, typ string) string {
	fields := slices.Sorted(maps.Keys(w.schema[typ]))
	if near := suggest.Near(strings.ToLower(key), lower(fields), max(1, len(key)/3)); near != "" {
		i := slices.Index(lower(fields), near)
		return "did you mean " + fields[i] + "?"
	}
	for _, parent := range slices.Backward(w.parents[:len(w.parents)-1]) {
		if _, known := w.schema[parent][key]; known {
			return "check the indentation: it is a field of " + parent[strings.LastIndexByte(parent, '/')+1:]
		}
	}
	for _, field := range fields {
		child := strings.TrimLeft(w.schema[typ][field], "[]{}")
		if _, known := w.schema[child][key]; known {
			return "check the indentation: it is a field of " + field
		}
	}
	return "remove it, or correct its name: kubectl explain " + strings.ToLower(w.pod.kind) + dotted(w.pathTo("")) + " lists the fields"
}

func lower(all []string) []string {
	lowered := make([]string, len(all))
	for i, s := range all {
		lowered[i] = strings.ToLower(s)
	}
	return lowered
}

// below checks a value below the current one.
func (w *fieldWalk) below(segment string, v value, typ string) {
	w.path = append(w.path, segment)
	w.value(v, typ)
	w.path = w.path[:len(w.path)-1]
}

// pathTo returns the path of a key of the current value, that of the value itself if it is "".
func (w *fieldWalk) pathTo(key string) string {
	path := strings.Join(append(slices.Clip(w.path), key), ".")
	return strings.TrimSuffix(strings.ReplaceAll(path, ".[", "["), ".")
}

// dotted returns a path as kubectl explain takes it: without indices.
func dotted(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, ".") {
		if name, _, _ := strings.Cut(part, "["); name != "" {
			b.WriteString("." + name)
		}
	}
	return b.String()
}

// mismatch returns what a value should be, "" if it is that.
func (w *fieldWalk) mismatch(v value, typ string) string {
	kind := v.node.Kind
	switch {
	case strings.HasPrefix(typ, "[]"):
		return unless(kind == document.Sequence, "a list")
	case strings.HasPrefix(typ, "{}") || w.schema[typ] != nil:
		return unless(kind == document.Mapping, "a mapping")
	case typ == "string":
		return unless(kind == document.String && !w.isBoolean(v), "a string")
	case typ == "base64":
		return unless(kind == document.String && isBase64(v.text()), "in base64")
	case typ == "bool":
		return unless(kind == document.Bool || w.isBoolean(v), "true or false, without quotes")
	case typ == "quantity":
		scalar := kind == document.String || kind == document.Int || kind == document.Float
		return unless(scalar && quantity().MatchString(v.text()), "a quantity, such as 100m or 64Mi")
	case typ == "port":
		return unless(kind == document.String || kind == document.Int, "a number or a name")
	case typ == "int":
		return unless(kind == document.Int || kind == document.Float, "a number, without quotes")
	}
	return ""
}

// isBase64 reports whether a string is encoded as the API server wants it, with padding, or a placeholder such as
// <path:secrets#key>.
func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil || strings.HasPrefix(s, "<")
}

func (w *fieldWalk) isBoolean(v value) bool {
	return w.pod.lines.isBoolean(v.text(), v.node.Position())
}

// quantity is the syntax of quantities: https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity
var quantity = lazyregexp.New(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)

func unless(right bool, want string) string {
	if right {
		return ""
	}
	return want
}

// quotesFix says how to correct a value of a wrong type.
func quotesFix(v value, typ string) string {
	scalar := v.node.Kind != document.Mapping && v.node.Kind != document.Sequence
	switch {
	case typ == "base64":
		return "encode it, or move it to stringData of the Secret, or to data of the ConfigMap"
	case typ == "string" && scalar:
		return "quote it"
	case (typ == "int" || typ == "bool") && v.node.Kind == document.String:
		return "remove the quotes"
	case strings.HasPrefix(typ, "[]"):
		return "write a list: each item begins with -"
	}
	return "check the indentation"
}

// version finds fields that the version of Kubernetes does not have on by default.
func (w *fieldWalk) version(m document.Member, typ string) {
	since := 0
	switch key := m.Key.Text; {
	case key == "fileKeyRef" && typ == "EnvVarSource", key == "restartPolicyRules", key == "restartPolicy" && slices.Contains(w.path, "containers"):
		since = 35 // https://kep.k8s.io/3721, https://kep.k8s.io/5307
	case key == "action" && typ == "ContainerRestartRule" && m.Value.Text == "RestartAllContainers":
		since = 36 // https://kep.k8s.io/5532
	}
	if w.minor == 0 || w.minor >= since {
		return
	}
	w.add(value{m.Key}.finding(fmt.Sprintf("%s needs Kubernetes 1.%d, and the manifests are for 1.%d", w.pathTo(m.Key.Text), since, w.minor), "upgrade, or do without it"))
}
