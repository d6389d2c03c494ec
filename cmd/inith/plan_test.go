package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/internal/subprocess"
)

// planProcess is a process whose environment has a secret, and what steps need.
func planProcess(env ...string) *process {
	p := &process{env: append(env, "SECRET="+canary, "PATH="+os.Getenv("PATH")), stdout: os.Stdout, stderr: os.Stderr}
	_, p.steps = p.newPlanView(true)
	return p
}

func TestExpandText(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" a/b \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := planProcess("PW=p@s/s:?#%", "HOST=db.example:5432", "V6=[::1]:80", "URL=http://u:p@h/x?y", "EMPTY=", "IN_FILE_FILE="+file)
	for in, want := range map[string]string{
		"":                               "",
		"plain $HOME $(x) 5$":            "plain $HOME $(x) 5$",
		"$$ $${PW} $$$$":                 "$ ${PW} $$",
		"${PW}":                          "p@s/s:?#%",
		"x ${PW}://":                     "x p@s/s:?#%://",
		"${URL}":                         "http://u:p@h/x?y",
		"postgres://u:${PW}@${HOST}/app": "postgres://u:p%40s%2Fs%3A%3F%23%25@db.example:5432/app",
		"postgres://${PW}@h/x":           "postgres://p%40s%2Fs%3A%3F%23%25@h/x",
		"http://${V6}/${PW}?a=${PW}#b=${PW}": "http://[::1]:80/p%40s%2Fs%3A%3F%23%25?a=p%40s%2Fs%3A%3F%23%25" +
			"#b=p%40s%2Fs%3A%3F%23%25",
		"http://h/${file:" + file + "}":         "http://h/a%2Fb",
		"http://${file:" + file + "}@${HOST}/x": "http://a%2Fb@db.example:5432/x",
		"file://${file:" + file + "}/c d":       "file://a/b/c d",
		"${IN_FILE} + ${file:" + file + "}":     "a/b + a/b",
	} {
		got, err := p.expandText(in)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", in, err, diff)
		}
	}
	for in, want := range map[string]string{
		"${":                   "is not closed",
		"a ${PW":               "is not closed",
		"${}":                  "want ${NAME}",
		"${PW:-x}":             "want ${NAME}",
		"${NOTHING}":           "neither $NOTHING nor $NOTHING_FILE is set",
		"${EMPTY}":             "neither $EMPTY nor $EMPTY_FILE is set",
		"${file:/nowhere/x}":   `"/nowhere/x" cannot be read`,
		"${file:/dev/null}":    `"/dev/null" is empty`,
		"http://${PW}/":        "the value is no host",
		"http://u@${SECRET}/x": "the value is no host",
	} {
		if _, err := p.expandText(in); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

// FuzzPlan holds the reader of plans: it does not crash, each mistake has its place,
// and none quotes a secret.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"steps:\n- {name: a, wait: [\"postgres://u:${SECRET}@db/x\"], timeout: 5m}\n- {name: b, needs: [a], exec: [\"true\", \"${SECRET}\"]}\n",
		"steps: [{name: a, fetch: {url: \"https://u:CANARY@h/x\", to: /x, sha256: CANARY}}, {name: b, files: [{mkdir: a}, {copy: b, to: c}]}]",
		"steps: [{name: a, migrate: {lock: \"file:///CANARY/x\", check: \"a 'b\", command: [sh]}}, {name: a, render: {src: CANARY, to: x}}]",
		"steps: [{name: a, needs: b, validate: [x, {path: y, require: [CANARY]}]}, {name: b, needs: [a, CANARY], exec: {command: [CANARY], env: {CANARY: x}}}]",
		"timeout: CANARY\nsteps: &a\n- *a\n- {<<: *a, CANARY: 1}\n- [CANARY]\n",
	} {
		f.Add(strings.ReplaceAll(seed, "CANARY", "${SECRET}"))
		f.Add(strings.ReplaceAll(seed, "CANARY", canary))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file:") { // a pipe or a device that the fuzzer finds would block
			return
		}
		_, nodes, err := planProcess().openPlan(t.Context(), "plan", []byte(text))
		for _, err := range diag.Flatten(err) {
			_, placed := errors.AsType[*diag.Error](err)
			if !placed && !errors.Is(err, option.ErrSyntax) && !strings.Contains(err.Error(), "no plan is in it") {
				t.Errorf("%v has no place", err)
			}
			if exitCode(err) != exitUsage {
				t.Errorf("%v is exit code %d", err, exitCode(err))
			}
			if form := findCanary(err.Error()); form != "" && !namesFile(err) {
				t.Errorf("%q in %v", form, err)
			}
		}
		for _, n := range nodes {
			if job, ok := n.Step.(stepJob); ok && err == nil {
				_ = job.describe()
			}
		}
	})
}

// namesFile reports whether an error quotes a path, a command or a destination, as
// it has to: who puts a secret there shows it.
func namesFile(err error) bool {
	_, command := errors.AsType[*subprocess.StartError](err)
	return command || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) ||
		errors.Is(err, syscall.ENAMETOOLONG) || strings.Contains(err.Error(), "destination")
}
