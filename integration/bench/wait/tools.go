package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const inithName = "inith"

// A peer is a tool that people use today for what inith wait does.
type peer struct {
	name    string
	version []string // arguments that make it tell its version; nil if it cannot
	install string
	path    string // "" if it is lacking
	told    string // the version it told
}

func knownPeers() []peer {
	return []peer{
		{name: "wait4x", version: []string{"version"}, install: "go install wait4x.dev/v3/cmd/wait4x@latest"},
		{name: "dockerize", version: []string{"-version"}, install: "go install github.com/jwilder/dockerize@latest"},
		{name: "wait-for-it", install: "apt-get install wait-for-it"},
		{name: "pg_isready", version: []string{"--version"}, install: "apt-get install postgresql-client"},
		{name: "curl", version: []string{"--version"}, install: "apt-get install curl"},
		{name: "busybox", version: []string{"--help"}, install: "apt-get install busybox"},
	}
}

// A toolbox is inith and the peers of this run.
type toolbox struct {
	inith  string
	all    []peer
	ncZero bool // busybox's nc knows -z
	login  login
}

func findTools(ctx context.Context, dir string) (*toolbox, error) {
	b := &toolbox{inith: filepath.Join(dir, inithName), all: knownPeers()}
	for i := range b.all {
		p := &b.all[i]
		path, err := exec.LookPath(p.name)
		if err != nil {
			continue
		}
		if p.path, err = filepath.Abs(path); err != nil {
			return nil, err
		}
		p.told = "version unknown"
		if p.version != nil {
			p.told = firstLine(ctx, p.path, p.version...)
		}
	}
	if path := b.path("busybox"); path != "" {
		help, _ := exec.CommandContext(ctx, path, "nc", "--help").CombinedOutput() //nolint:gosec // a peer
		b.ncZero = strings.Contains(string(help), "-z")
	}
	return b, nil
}

func firstLine(ctx context.Context, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // a peer
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// path returns where a peer is, "" if it is lacking.
func (b *toolbox) path(name string) string {
	for _, p := range b.all {
		if p.name == name {
			return p.path
		}
	}
	return ""
}

// peers returns how many were found.
func (b *toolbox) peers() int {
	return len(slices.DeleteFunc(slices.Clone(b.all), func(p peer) bool { return p.path == "" }))
}

func (b *toolbox) print(w io.Writer) {
	for _, p := range b.all {
		if p.path != "" {
			fmt.Fprintf(w, "peer     %-12s %s\n", p.name, p.told)
		} else {
			fmt.Fprintf(w, "lacking  %-12s install: %s\n", p.name, p.install)
		}
	}
}

// buildInith builds the binary as it is released. The benchmark runs in the
// integration module; the module of inith is the folder above.
func buildInith(ctx context.Context, file string) error {
	//nolint:gosec // file is in a folder of our own
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "urfave_cli_no_docs", "-trimpath", "-ldflags", "-s -w", "-o", file, "./cmd/inith")
	cmd.Dir = ".."
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build inith: %w\n%s", err, out)
	}
	return nil
}
