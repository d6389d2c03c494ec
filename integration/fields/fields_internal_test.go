package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/inith/inith/lint"
)

const root = "../.."

func TestTableIsUpToDate(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(root + "/lint/fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != table() {
		t.Error("lint/fields.txt is not what k8s.io/api has: run go generate ./lint")
	}
}

func decoderOf(t *testing.T) runtime.Decoder {
	t.Helper()
	decoder, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return decoder
}

// documentsOf returns the documents of the repository's manifests that hold a Pod, and those of a part of one in a Pod.
func documentsOf(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"examples/kubernetes/*.yaml", "lint/testdata/seed/*.yaml", "lint/testdata/rules/*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no manifests in %s: %v", pattern, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, split(t, b)...)
		}
	}
	return all
}

func split(t *testing.T, b []byte) []string {
	t.Helper()
	var all []string
	b = bytes.ReplaceAll(b, []byte(`"${PORT}"`), []byte("80")) // which lint takes for a template, and the decoder does not
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(b)))
	for {
		d, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := object(string(d)); ok && !isFilledIn(text) {
			all = append(all, text)
		}
	}
}

// object returns a document as an object: those without a kind become a Pod, those without a version get it.
func object(text string) (string, bool) {
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		return "", false
	}
	kind, _ := o["kind"].(string)
	switch {
	case kind == "" && o["spec"] == nil && (o["containers"] != nil || o["initContainers"] != nil):
		return "apiVersion: v1\nkind: Pod\nspec:\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n", true
	case kind == "Pod" && o["apiVersion"] == nil:
		return "apiVersion: v1\n" + text, true
	}
	for name := range objects() {
		if o["apiVersion"] != nil && name == fmt.Sprint(o["apiVersion"], "/", kind) {
			return text, true
		}
	}
	return "", false
}

// compare has both agree on a manifest.
func compare(t *testing.T, decoder runtime.Decoder, text string) {
	t.Helper()
	if findings, refusal := verdicts(decoder, text); (refusal != nil) != (len(findings) > 0) {
		t.Errorf("the decoder: %v; lint: %+v\n%s", refusal, findings, text)
	}
}

// TestDifferential compares lint with the decoder of the API server, on the manifests of this repository.
func TestDifferential(t *testing.T) {
	t.Parallel()
	decoder, refused := decoderOf(t), 0
	all := documentsOf(t)
	for _, text := range all {
		compare(t, decoder, text)
		if _, refusal := verdicts(decoder, text); refusal != nil {
			refused++
		}
	}
	t.Logf("%d objects, %d refused", len(all), refused)
	if len(all) < 200 || refused < 5 {
		t.Errorf("%d objects, %d refused: too few", len(all), refused)
	}
}

// TestDifferentialOfEdits compares them on edits of the manifests: a key with a typing error, a key one level up or
// down, and a value of another type. They agree on what lint fixes, too.
func TestDifferentialOfEdits(t *testing.T) {
	t.Parallel()
	decoder := decoderOf(t)
	all := documentsOf(t)
	random := rand.New(rand.NewPCG(1, 2))
	compared, refused, fixed := 0, 0, 0
	for range 3000 {
		text := all[random.IntN(len(all))]
		for range 1 + random.IntN(2) {
			text = edit(random, text)
		}
		if text == "" {
			continue
		}
		compare(t, decoder, text)
		compared++
		if _, refusal := verdicts(decoder, text); refusal == nil {
			continue
		}
		refused++
		if result, edits := (lint.Linter{Only: []string{"U1"}}).Fix(lint.File{Data: []byte(text)}); edits > 0 {
			fixed++
			compare(t, decoder, string(result))
		}
	}
	t.Logf("%d edits, %d refused, %d of them fixed", compared, refused, fixed)
	if refused < 1000 || compared-refused < 200 || fixed < 20 {
		t.Error("too few of one")
	}
}

// TestKubernetesOwnManifests has lint accept what k8s.io/api has for its tests: objects with every field, of this version
// and of earlier ones.
func TestKubernetesOwnManifests(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name := range objects() {
		group, version, kind := "core", "v1", name[strings.LastIndexByte(name, '/')+1:] // testdata has them by group
		if parts := strings.Split(name, "/"); len(parts) == 3 {
			group = parts[0]
		}
		paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "*", group+"."+version+"."+kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			r := lint.Linter{Only: []string{"U1"}}.Lint(lint.File{Path: path, Data: b})
			if len(r.Findings) > 0 {
				t.Errorf("%+v", r.Findings)
			}
		}
	}
	t.Logf("%d objects", checked)
	if checked < len(objects()) {
		t.Errorf("%d objects", checked)
	}
}
