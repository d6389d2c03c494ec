package report

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Peer is a program that people use today for what inith does.
type Peer struct {
	Name    string
	Version []string // arguments that make it tell its version; nil if it cannot
	Install string   // a command
	Helper  bool     // it does nothing of that itself
	Path    string   // "" if it is lacking
	told    string   // its version
}

// Peers are those that a benchmark knows.
type Peers []Peer

// Find looks for the peers on PATH.
func (p Peers) Find(ctx context.Context) error {
	for i := range p {
		path, err := exec.LookPath(p[i].Name)
		if err != nil {
			continue
		}
		if p[i].Path, err = filepath.Abs(path); err != nil {
			return err
		}
		p[i].told = "version unknown"
		if p[i].Version != nil {
			out, _ := exec.CommandContext(ctx, path, p[i].Version...).CombinedOutput() //nolint:gosec // a peer
			p[i].told, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		}
	}
	return nil
}

// Path returns where a peer is, "" if it is lacking.
func (p Peers) Path(name string) string {
	for _, peer := range p {
		if peer.Name == name {
			return peer.Path
		}
	}
	return ""
}

// Found returns how many are there, helpers not counted.
func (p Peers) Found() int {
	n := 0
	for _, peer := range p {
		if peer.Path != "" && !peer.Helper {
			n++
		}
	}
	return n
}

// Print tells which are there, and how to get the others.
func (p Peers) Print(w io.Writer) {
	for _, peer := range p {
		if peer.Path != "" {
			fmt.Fprintf(w, "peer     %-12s %s\n", peer.Name, peer.told)
		} else {
			fmt.Fprintf(w, "lacking  %-12s install: %s\n", peer.Name, peer.Install)
		}
	}
}
