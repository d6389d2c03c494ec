package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// A modelKey is a key of an entry of models.yaml: the flag of the same name, in
// camel case.
type modelKey struct {
	name, kind, usage string // kind is a type of JSON Schema
	set               func(p *process, f *fetch.File, v modelValue) error
}

// A modelValue is a value of models.yaml, of the kind of its key.
type modelValue struct {
	text string
	list []string
	yes  bool
}

func modelKeys() []modelKey {
	return []modelKey{
		{"url", "string", "an http or https URL", func(p *process, f *fetch.File, v modelValue) (err error) {
			f.URL, err = p.url(v.text, "")
			return err
		}},
		{"urlFromEnv", "string", "the variable that has the URL, or NAME_FILE the file with it", func(p *process, f *fetch.File, v modelValue) (err error) {
			f.URL, err = p.url("", v.text)
			return err
		}},
		{"to", "string", "the destination: a file, or a folder with a trailing slash", func(_ *process, f *fetch.File, v modelValue) error {
			f.Dest = v.text
			return nil
		}},
		{"sha256", "string", "the digest that the content must have", func(_ *process, f *fetch.File, v modelValue) (err error) {
			f.Digest, err = fetch.ParseDigest("sha256:" + v.text)
			return err
		}},
		{"digest", "string", "the same, as ALGORITHM:HEX, of sha256, sha512 or blake3", func(_ *process, f *fetch.File, v modelValue) (err error) {
			f.Digest, err = fetch.ParseDigest(v.text)
			return err
		}},
		{"checksumUrl", "string", "a list of digests as sha256sum writes it", func(p *process, f *fetch.File, v modelValue) (err error) {
			f.SumsURL, err = p.url(v.text, "")
			return err
		}},
		{"checksumUrlFromEnv", "string", "the variable that has the URL of the list", func(p *process, f *fetch.File, v modelValue) (err error) {
			f.SumsURL, err = p.url("", v.text)
			return err
		}},
		{"mirrors", "array", "other URLs of the same content, in the order to try", func(p *process, f *fetch.File, v modelValue) error {
			return p.addMirrors(f, v.list)
		}},
		{"mirrorsFromEnv", "array", "variables that have URLs of the same content", func(p *process, f *fetch.File, v modelValue) error {
			return p.addMirrorsFromEnv(f, v.list)
		}},
		{"headerFiles", "array", "files of \"Name: value\" lines to send to the origin of the URL", func(_ *process, f *fetch.File, v modelValue) error {
			f.HeaderFiles = v.list
			return nil
		}},
		{"bearerFile", "string", "a file with the token to send to the origin of the URL", func(_ *process, f *fetch.File, v modelValue) error {
			f.BearerFile = v.text
			return nil
		}},
		{"passwordFile", "string", "a file with the password for the user of the URL", func(_ *process, f *fetch.File, v modelValue) error {
			f.PasswordFile = v.text
			return nil
		}},
		{"evidence", "string", "the least evidence to accept: pinned, server or size", func(_ *process, f *fetch.File, v modelValue) (err error) {
			f.Evidence, err = fetch.ParseEvidence(v.text)
			return err
		}},
		{"extract", "boolean", "the file is an archive: the destination is the folder that gets what it holds", func(_ *process, f *fetch.File, v modelValue) error {
			f.Extract = v.yes
			return nil
		}},
		{"mode", "string", "permission bits of the file, in octal", func(_ *process, f *fetch.File, v modelValue) (err error) {
			f.Mode, err = parseMode(v.text)
			return err
		}},
	}
}

// readModels reads the list of files in models.yaml. All mistakes are told, with
// line and column.
func (p *process) readModels(name string) ([]fetch.File, error) {
	b, err := readFile(name)
	if err != nil {
		return nil, usagef("--file: cannot read %q: %w", name, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, usagef("%s: not YAML: %s", name, yamlPlace(err))
	}
	m := &modelsReader{process: p, name: name}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode {
		return nil, usagef("%s: want a list of entries such as {url: https://…, to: /models/, sha256: …}", name)
	}
	for _, entry := range doc.Content[0].Content {
		m.read(entry)
	}
	if len(m.files)+len(m.errs) == 0 {
		return nil, usagef("%s: the list is empty", name)
	}
	return m.files, errors.Join(m.errs...)
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return b, err
}

// yamlPlace keeps of a syntax error where it is: its text quotes the file.
func yamlPlace(err error) string {
	_, line, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return "syntax error"
	}
	return "syntax error in line " + line[:len(line)-len(strings.TrimLeft(line, "0123456789"))]
}

type modelsReader struct {
	*process
	name  string
	files []fetch.File
	errs  []error
}

func (m *modelsReader) fail(at *yaml.Node, format string, args ...any) {
	m.errs = append(m.errs, usagef("%s:%d:%d: %w", m.name, at.Line, at.Column, fmt.Errorf(format, args...)))
}

// read reads one entry.
func (m *modelsReader) read(entry *yaml.Node) {
	if entry.Kind == yaml.AliasNode {
		entry = entry.Alias
	}
	if entry.Kind != yaml.MappingNode {
		m.fail(entry, "want an entry with keys such as url and to")
		return
	}
	var f fetch.File
	seen := map[string]bool{}
	before := len(m.errs)
	for i := 0; i+1 < len(entry.Content); i += 2 {
		key, value := entry.Content[i], entry.Content[i+1]
		if seen[key.Value] {
			m.fail(key, "key%s is there twice", redact.Quoted(strings.ToLower(key.Value)))
		}
		seen[key.Value] = true
		m.set(&f, key, value)
	}
	switch {
	case len(m.errs) > before:
		return
	case seen["sha256"] && seen["digest"]:
		m.fail(entry, "sha256 and digest exclude each other")
	case seen["url"] && seen["urlFromEnv"]:
		m.fail(entry, "url and urlFromEnv exclude each other")
	case f.URL == nil:
		m.fail(entry, "no url")
	case f.Dest == "":
		m.fail(entry, "no to")
	case f.Mode != 0 && f.Extract:
		m.fail(entry, "mode is for a file: an archive has the modes of its own")
	case f.Dest == "-":
		m.fail(entry, "to: the standard output is for a single file, on the command line")
	}
	m.files = append(m.files, f)
}

func (m *modelsReader) set(f *fetch.File, key, value *yaml.Node) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	keys := modelKeys()
	i := slices.IndexFunc(keys, func(k modelKey) bool { return k.name == key.Value })
	if i < 0 {
		var names []string
		for _, k := range keys {
			names = append(names, k.name)
		}
		m.fail(key, "unknown key%s%s", redact.Quoted(strings.ToLower(key.Value)), suggest.DidYouMean(key.Value, names))
		return
	}
	v, err := readValue(keys[i].kind, value)
	if err == nil {
		err = keys[i].set(m.process, f, v)
	}
	if err != nil {
		m.fail(value, "%s: %w", keys[i].name, err)
	}
}

func readValue(kind string, n *yaml.Node) (v modelValue, err error) {
	switch {
	case kind == "array":
		if n.Kind != yaml.SequenceNode {
			return v, errors.New("want a list")
		}
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Value == "" {
				return v, errors.New("want a list of texts")
			}
			v.list = append(v.list, item.Value)
		}
	case n.Kind != yaml.ScalarNode || n.Value == "":
		return v, errors.New("want a text")
	case kind == "boolean":
		if n.Value != "true" && n.Value != "false" {
			return v, errors.New("want true or false")
		}
		v.yes = n.Value == "true"
	default:
		v.text = n.Value
	}
	return v, nil
}

// modelsSchema returns the JSON Schema (draft 2020-12) of models.yaml.
func modelsSchema() []byte {
	properties := map[string]any{}
	for _, k := range modelKeys() {
		property := map[string]any{"type": k.kind, "description": k.usage}
		if k.kind == "array" {
			property["items"] = map[string]any{"type": "string"}
		}
		properties[k.name] = property
	}
	properties["mode"] = map[string]any{"type": []string{"string", "integer"}, "description": "permission bits of the file, in octal"}
	b, _ := json.MarshalIndent(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "models.yaml of inith fetch",
		"type":    "array",
		"items": map[string]any{
			"type": "object", "properties": properties, "additionalProperties": false, "required": []string{"to"},
			"oneOf": []any{
				map[string]any{"required": []string{"url"}}, map[string]any{"required": []string{"urlFromEnv"}},
			},
		},
	}, "", "  ")
	return append(b, '\n')
}
