package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/inith/inith/lint"
)

// newDecoder returns the decoder of the API server with strict validation of fields, for the kinds that lint knows.
func newDecoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme), batchv1.AddToScheme(scheme), networkingv1.AddToScheme(scheme))
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true}), err
}

// verdicts returns what lint reports, and what the decoder refuses.
func verdicts(decoder runtime.Decoder, text string) (findings []lint.Finding, refusal error) {
	_, _, refusal = decoder.Decode([]byte(text), nil, nil)
	r := lint.Linter{Only: []string{"U1"}}.Lint(lint.File{Path: "x.yaml", Data: []byte(text)})
	return r.Findings, refusal
}

// A corpus compares lint with the decoder, on the manifests of other projects.
type corpus struct {
	decoder           runtime.Decoder
	out               io.Writer
	compared, refused int
	differences       int
}

// compareAll compares them on all manifests below directories.
func compareAll(out io.Writer, dirs []string) error {
	decoder, err := newDecoder()
	if err != nil {
		return err
	}
	c := &corpus{decoder: decoder, out: out}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error { //nolint:gosec // the user names it
			if err != nil || !entry.Type().IsRegular() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
				return err
			}
			return c.file(path)
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d objects compared, %d of them refused by both, %d differences\n", c.compared, c.refused, c.differences)
	if c.differences > 0 || c.compared == 0 {
		return errors.New("lint and the strict decoder of the API server differ")
	}
	return nil
}

func (c *corpus) file(path string) error {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err
	}
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(b)))
	for {
		d, err := reader.Read()
		if err != nil {
			return nil //nolint:nilerr // io.EOF, or no manifest
		}
		c.compare(path, string(d))
	}
}

// compare compares them on a document of a kind that lint knows. What it leaves alone is left out: templates, and objects
// that are encrypted.
func (c *corpus) compare(path, text string) {
	if !isObject(text) || isFilledIn(text) || strings.Contains(text, "$") || strings.Contains(text, "{{") {
		return
	}
	findings, refusal := verdicts(c.decoder, text)
	if slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Rule == "syntax" }) {
		return // such as two documents of JSON without a separator
	}
	c.compared++
	switch {
	case refusal != nil && len(findings) > 0:
		c.refused++
	case refusal != nil && isLeftOut(refusal):
	case refusal != nil || len(findings) > 0:
		c.differences++
		fmt.Fprintf(c.out, "%s: the decoder: %v; lint: %+v\n", path, refusal, findings)
	}
}

// isLeftOut reports whether the decoder refuses what lint leaves out on purpose: the status, which only the cluster writes,
// and an alpha field of Kubernetes 1.35.
func isLeftOut(refusal error) bool {
	return strings.Contains(refusal.Error(), `unknown field "status.`) || strings.Contains(refusal.Error(), ".workloadRef")
}

// isFilledIn reports whether another program makes an object of a document: it decrypts it, replaces <placeholders>, or
// applies it as a patch.
func isFilledIn(text string) bool {
	return strings.Contains(text, "\nsops:") || strings.Contains(text, "<path:") || strings.Contains(text, "\n$patch:")
}

// isObject reports whether a document is an object of a kind that lint knows.
func isObject(text string) bool {
	var o struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		return false
	}
	_, known := objects()[o.APIVersion+"/"+o.Kind]
	return known
}
