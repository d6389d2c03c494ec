package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/inith/inith/integration/bench/report"
)

const inithName = "inith"

func knownPeers() report.Peers {
	return report.Peers{
		{Name: "wait4x", Version: []string{"version"}, Install: "go install wait4x.dev/v3/cmd/wait4x@latest"},
		{Name: "dockerize", Version: []string{"-version"}, Install: "go install github.com/jwilder/dockerize@latest"},
		{Name: "wait-for-it", Install: "apt-get install wait-for-it"},
		{Name: "pg_isready", Version: []string{"--version"}, Install: "apt-get install postgresql-client"},
		{Name: "curl", Version: []string{"--version"}, Install: "apt-get install curl"},
		{Name: "busybox", Version: []string{"--help"}, Install: "apt-get install busybox"},
	}
}

// A toolbox is inith and the peers of this run.
type toolbox struct {
	report.Peers
	inith  string
	ncZero bool // busybox's nc knows -z
	login  login
}

func findTools(ctx context.Context, dir string) (*toolbox, error) {
	b := &toolbox{inith: filepath.Join(dir, inithName), Peers: knownPeers()}
	if err := b.Find(ctx); err != nil {
		return nil, err
	}
	if path := b.Path("busybox"); path != "" {
		help, _ := exec.CommandContext(ctx, path, "nc", "--help").CombinedOutput() //nolint:gosec // a peer
		b.ncZero = strings.Contains(string(help), "-z")
	}
	return b, nil
}
