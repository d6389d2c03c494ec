// Corpus lints the manifests inside modules of other projects, which run in production: inith, named by the argument, must
// find no error but those in expected.txt, which are real. The modules are read from the module cache, and not copied.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed expected.txt
var expected string

func modules() []string {
	return []string{
		"github.com/argoproj/argo-cd/v3@v3.4.0",
		"github.com/cert-manager/cert-manager@v1.21.2",
		"github.com/kyverno/kyverno@v1.19.1",
		"istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad",
		"k8s.io/api@v0.33.13",
		"k8s.io/api@v0.34.13",
		"k8s.io/api@v0.35.10",
		"k8s.io/api@v0.36.6",
		"k8s.io/api@v0.37.2",
		"knative.dev/serving@v0.51.0",
		"sigs.k8s.io/kueue@v0.17.0",
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: corpus PATH-OF-INITH, or corpus -dirs for the directories of the modules")
	}
	if args[0] == "-dirs" {
		return printDirs(ctx, out)
	}
	var all []error
	for _, module := range modules() {
		dir, err := download(ctx, module)
		if err != nil {
			return err
		}
		errs, total, err := lint(ctx, args[0], dir)
		if err != nil {
			return fmt.Errorf("%s: %w", module, err)
		}
		fmt.Fprintf(out, "%s: %d findings, %d errors\n", module, total, len(errs))
		path, _, _ := strings.Cut(module, "@")
		all = append(all, compare(path, errs))
	}
	return errors.Join(all...)
}

// printDirs prints the directories of the modules.
func printDirs(ctx context.Context, out io.Writer) error {
	for _, module := range modules() {
		dir, err := download(ctx, module)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, dir)
	}
	return nil
}

// download returns the directory of a module in the module cache.
func download(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module) //nolint:gosec // a module of ours
	cmd.Dir = os.TempDir()                                                    // outside of this module
	b, err := cmd.Output()
	var found struct{ Dir, Error string }
	if json.Unmarshal(b, &found) != nil || found.Dir == "" {
		return "", fmt.Errorf("download %s: %w: %s", module, err, found.Error)
	}
	return found.Dir, nil
}

// lint returns the errors in a directory, each as its rule and its path there, and the number of all findings.
func lint(ctx context.Context, inith, dir string) (errs map[string]string, total int, err error) {
	cmd := exec.CommandContext(ctx, inith, "lint", "--quiet", "--format=json", dir) //nolint:gosec // the user names it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	const found = 3
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != found) {
		return nil, 0, fmt.Errorf("%w: %s", err, stderr.String())
	}
	var report struct {
		Findings []struct {
			Rule, Severity, Path, Message string
			Line                          int
		}
	}
	if err := json.Unmarshal(b, &report); err != nil {
		return nil, 0, err
	}
	errs = map[string]string{}
	for _, f := range report.Findings {
		if f.Severity == "error" {
			path, err := filepath.Rel(dir, f.Path)
			if err != nil {
				return nil, 0, err
			}
			errs[f.Rule+" "+path] = fmt.Sprintf("line %d: %s", f.Line, f.Message)
		}
	}
	return errs, len(report.Findings), nil
}

// compare returns an error for what is not in the list, and for what is only there. A line of the list is a module, a rule
// and a path, or * for any.
func compare(module string, errs map[string]string) error {
	var all []error
	known := map[string]bool{}
	for line := range strings.Lines(expected) {
		if entry, ours := strings.CutPrefix(strings.TrimSpace(line), module+" "); ours {
			known[entry] = true
		}
	}
	for entry, text := range errs {
		rule, _, _ := strings.Cut(entry, " ")
		if !known[entry] && !known[rule+" *"] {
			all = append(all, fmt.Errorf("%s: not expected: %s: %s", module, entry, text))
		}
	}
	for entry := range known {
		if errs[entry] == "" && !strings.HasSuffix(entry, " *") {
			all = append(all, fmt.Errorf("%s: expected, and not found: %s", module, entry))
		}
	}
	return errors.Join(all...)
}
