package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/tasks/plan"
)

// FuzzPlan holds the reader of plans: it does not crash, each error has its position, and none quotes a secret.
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
		env := environment.Variables{"SECRET=" + canary, "PATH=" + os.Getenv("PATH")}
		nodes, err := openText(t.Context(), env, text)
		for _, err := range diag.Flatten(err) {
			_, placed := errors.AsType[*diag.Error](err)
			if !placed && !errors.Is(err, option.ErrSyntax) && !strings.Contains(err.Error(), "the file has no plan") {
				t.Errorf("%v has no position", err)
			}
			if exitCode(err) != exitUsage {
				t.Errorf("%v is exit code %d", err, exitCode(err))
			}
			if form := findCanary(err.Error()); form != "" && !namesFile(err) {
				t.Errorf("%q in %v", form, err)
			}
		}
		for _, n := range nodes {
			if job, ok := n.Step.(planfile.Job); ok && err == nil {
				_ = job.Describe()
			}
		}
	})
}

// openText opens the steps of a plan.
func openText(ctx context.Context, env environment.Variables, text string) ([]plan.Node, error) {
	log := slog.New(slog.DiscardHandler)
	r := &runner{env: env, view: view.NewPlan(view.Output{Log: log, Lines: log, Stdout: os.Stdout, Stderr: os.Stderr}, false, true)}
	opened, err := planfile.Open(ctx, "plan", []byte(text), env, stepKinds(r))
	return opened.Nodes, asUsage(err)
}

// namesFile reports whether an error quotes a path, a command or a destination, as
// it has to: who puts a secret there shows it.
func namesFile(err error) bool {
	_, command := errors.AsType[*subprocess.StartError](err)
	return command || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) ||
		errors.Is(err, syscall.ENAMETOOLONG) || strings.Contains(err.Error(), "destination")
}
