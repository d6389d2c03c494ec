package lint_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/lint"
)

func TestFix(t *testing.T) {
	t.Parallel()
	const download = "initContainers: [{name: i, command: [wget, -O, /m/x, http://h/x], volumeMounts: [{name: v, mountPath: /m}]}]\n"
	for name, c := range map[string]struct{ before, after string }{
		"a number that must be a string": {
			"containers:\n- name: a  # the app\n  env:\n  - {name: PORT, value: 8080}  # not quoted\n",
			"containers:\n- name: a  # the app\n  env:\n  - {name: PORT, value: \"8080\"}  # not quoted\n",
		},
		"a boolean of YAML 1.1": {
			"containers: [{name: a, env: [{name: DEBUG, value: yes}]}]", "containers: [{name: a, env: [{name: DEBUG, value: \"yes\"}]}]",
		},
		"quotes around a number": {
			"containers: [{name: ä, ports: [{containerPort: '80'}], stdin: \"true\"}]", "containers: [{name: ä, ports: [{containerPort: 80}], stdin: true}]",
		},
		"letter case": {
			"containers:\n- Name: a\n  volumemounts: []\n", "containers:\n- name: a\n  volumeMounts: []\n",
		},
		"a key that exists":   {"containers: [{name: a, Name: b}]", "containers: [{name: a, Name: b}]"},
		"what is no number":   {"containers: [{name: a, ports: [{containerPort: http}]}]", "containers: [{name: a, ports: [{containerPort: http}]}]"},
		"an octal number":     {"containers: [{name: a, ports: [{containerPort: '010'}]}]", "containers: [{name: a, ports: [{containerPort: '010'}]}]"},
		"a list for a string": {"containers: [{name: [a]}]", "containers: [{name: [a]}]"},
		"JSON":                {`{"containers": [{"Name": "a", "tty": "true"}]}`, `{"containers": [{"name": "a", "tty": true}]}`},
		"a mount": {
			download + "containers:\n- name: a\n  volumeMounts:\n  - name: v\n    mountPath: /m  # the model\n  # more\n",
			download + "containers:\n- name: a\n  volumeMounts:\n  - name: v\n    mountPath: /m  # the model\n    readOnly: true\n  # more\n",
		},
		"a mount whose path comes first": {
			download + "containers:\n- name: a\n  volumeMounts:\n    - mountPath: /m\r\n      name: v\r\n",
			download + "containers:\n- name: a\n  volumeMounts:\n    - mountPath: /m\r\n      readOnly: true\r\n      name: v\r\n",
		},
		"a mount in braces": {
			download + "containers: [{name: a, volumeMounts: [{name: v, mountPath: '/m'}]}]", download + "containers: [{name: a, volumeMounts: [{name: v, mountPath: '/m', readOnly: true}]}]",
		},
		"a mount that says no": {
			download + "containers: [{name: a, volumeMounts: [{name: v, mountPath: /m, readOnly: false}]}]", download + "containers: [{name: a, volumeMounts: [{name: v, mountPath: /m, readOnly: true}]}]",
		},
		"a mount that the download shares": {
			"initContainers: [{name: i, command: [wget, -O, /m/x, http://h/x], volumeMounts: [&m {name: v, mountPath: /m}]}]\ncontainers: [{name: a, volumeMounts: [*m]}]",
			"initContainers: [{name: i, command: [wget, -O, /m/x, http://h/x], volumeMounts: [&m {name: v, mountPath: /m}]}]\ncontainers: [{name: a, volumeMounts: [*m]}]",
		},
		"one of two":        {"containers: [{name: a, Name: b, tty: 'true'}]", "containers: [{name: a, Name: b, tty: true}]"},
		"one is suppressed": {"containers:\n- name: a\n  tty: 'true'  # inith:ignore U1 a test\n", "containers:\n- name: a\n  tty: 'true'  # inith:ignore U1 a test\n"},
	} {
		fixed, edits := lint.Linter{}.Fix(lint.File{Path: "x.yaml", Data: []byte(c.before)})
		if diff := cmp.Diff(c.after, string(fixed)); diff != "" || (edits > 0) != (c.before != c.after) {
			t.Errorf("%s: %d edits (-want +got):\n%s", name, edits, diff)
		}
	}
}

// holdsFix checks what Fix promises: the result has fewer findings if it differs, and a second Fix changes nothing.
func holdsFix(t *testing.T, data []byte) (edits int) {
	t.Helper()
	var l lint.Linter
	fixed, edits := l.Fix(lint.File{Data: data})
	if (edits > 0) != (string(fixed) != string(data)) {
		t.Errorf("%d edits of\n%s\nto\n%s", edits, data, fixed)
	}
	before, after := l.Lint(lint.File{Data: data}), l.Lint(lint.File{Data: fixed})
	if edits > 0 && len(after.Findings) >= len(before.Findings) || after.Pods != before.Pods || after.Objects != before.Objects {
		t.Errorf("before: %+v\nafter: %+v\n%s", before, after, fixed)
	}
	if again, more := l.Fix(lint.File{Data: fixed}); more > 0 || string(again) != string(fixed) {
		t.Errorf("a second time, %d edits of\n%s", more, fixed)
	}
	return edits
}

// TestFixCorpus fixes all manifests of the tests.
func TestFixCorpus(t *testing.T) {
	t.Parallel()
	edits := 0
	for _, b := range corpus(t) {
		edits += holdsFix(t, b)
	}
	if edits < 5 {
		t.Errorf("%d edits", edits)
	}
}

func FuzzFix(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) { holdsFix(t, data) })
}

// corpus returns the manifests of the rules and of the seed.
func corpus(tb testing.TB) [][]byte {
	tb.Helper()
	var all [][]byte
	for _, pattern := range []string{"testdata/rules/*.yaml", "testdata/seed/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			tb.Fatal(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, b)
		}
	}
	return all
}
