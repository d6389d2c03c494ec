package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	inithName   = "inith"
	inithWith32 = "inith --connections 32"
	fewestPeers = 3
)

// A peer is a program that people use today for what inith fetch does.
type peer struct {
	name    string
	version []string
	install string
	helper  bool   // it downloads nothing itself
	path    string // "" if it is lacking
	told    string
}

func knownPeers() []peer {
	return []peer{
		{name: "curl", version: []string{"--version"}, install: "apt-get install curl"},
		{name: "aria2c", version: []string{"--version"}, install: "apt-get install aria2"},
		{name: "pget", version: []string{"version"}, install: "go install github.com/replicate/pget@latest"},
		{name: "s5cmd", version: []string{"version"}, install: "go install github.com/peak/s5cmd/v2@latest"},
		{name: "axel", version: []string{"--version"}, install: "apt-get install axel"},
		{name: "openssl", version: []string{"version"}, install: "apt-get install openssl", helper: true},
		{name: "sha256sum", version: []string{"--version"}, install: "apt-get install coreutils", helper: true},
	}
}

// A toolbox is inith and the peers of this run.
type toolbox struct {
	inith string // "": measure the peers alone
	all   []peer
}

func findTools(ctx context.Context, inith string) (*toolbox, error) {
	b := &toolbox{all: knownPeers()}
	if inith != "" {
		path, err := filepath.Abs(inith)
		if err != nil {
			return nil, err
		}
		if _, err := exec.LookPath(path); err != nil {
			return nil, fmt.Errorf("%w: run make build, or name it with -inith", err)
		}
		b.inith = path
	}
	for i := range b.all {
		p := &b.all[i]
		path, err := exec.LookPath(p.name)
		if err != nil {
			continue
		}
		if p.path, err = filepath.Abs(path); err != nil {
			return nil, err
		}
		out, _ := exec.CommandContext(ctx, p.path, p.version...).CombinedOutput() //nolint:gosec // a peer
		p.told, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return b, nil
}

// has tells whether all these programs are there.
func (b *toolbox) has(names ...string) bool {
	for _, name := range names {
		if b.path(name) == "" {
			return false
		}
	}
	return true
}

// path returns where a program is, "" if it is lacking.
func (b *toolbox) path(name string) string {
	for _, p := range b.all {
		if p.name == name {
			return p.path
		}
	}
	return ""
}

// peers returns how many programs that download were found.
func (b *toolbox) peers() int {
	n := 0
	for _, p := range b.all {
		if p.path != "" && !p.helper {
			n++
		}
	}
	return n
}

// lacking names the peers of the figures that are not there.
func (b *toolbox) lacking() []string {
	var names []string
	for _, p := range b.all {
		if p.path == "" && !p.helper && p.name != "axel" {
			names = append(names, p.name)
		}
	}
	return names
}

func (b *toolbox) print(w io.Writer) {
	if b.inith == "" {
		fmt.Fprintln(w, "lacking  inith: its peers are measured alone")
	}
	for _, p := range b.all {
		if p.path != "" {
			fmt.Fprintf(w, "peer     %-10s %s\n", p.name, p.told)
		} else {
			fmt.Fprintf(w, "lacking  %-10s install: %s\n", p.name, p.install)
		}
	}
}
