package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/inith/inith/integration/bench/report"
)

const (
	inithName   = "inith"
	inithWith32 = "inith --connections 32"
	hashName    = "(sha256 alone)"
	fewestPeers = 3
)

func knownPeers() report.Peers {
	return report.Peers{
		{Name: "curl", Version: []string{"--version"}, Install: "apt-get install curl"},
		{Name: "aria2c", Version: []string{"--version"}, Install: "apt-get install aria2"},
		{Name: "pget", Version: []string{"version"}, Install: "go install github.com/replicate/pget@latest"},
		{Name: "s5cmd", Version: []string{"version"}, Install: "go install github.com/peak/s5cmd/v2@latest"},
		{Name: "axel", Version: []string{"--version"}, Install: "apt-get install axel"},
		{Name: "openssl", Version: []string{"version"}, Install: "apt-get install openssl", Helper: true},
		{Name: "sha256sum", Version: []string{"--version"}, Install: "apt-get install coreutils", Helper: true},
	}
}

// A toolbox is inith and the peers of this run.
type toolbox struct {
	report.Peers
	inith string // "": measure the peers alone
	self  string // this program
}

func findTools(ctx context.Context, inith string) (*toolbox, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &toolbox{Peers: knownPeers(), self: self}
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
	return b, b.Find(ctx)
}

// has tells whether all these programs are there.
func (b *toolbox) has(names ...string) bool {
	for _, name := range names {
		if b.Path(name) == "" {
			return false
		}
	}
	return true
}

// lacking names the peers of the figures that are not there.
func (b *toolbox) lacking() []string {
	var names []string
	for _, p := range b.Peers {
		if p.Path == "" && !p.Helper && p.Name != "axel" {
			names = append(names, p.Name)
		}
	}
	return names
}

func (b *toolbox) print(w io.Writer) {
	if b.inith == "" {
		fmt.Fprintln(w, "lacking  inith: its peers are measured alone")
	}
	b.Print(w)
}
