package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cgroups is the memory controller of a machine: where it is, and what its
// files are called.
type cgroups struct {
	root               string
	limit, peak, event string
	unified            bool // version 2
}

// findCgroups looks for the memory controller: v2's, or a hierarchy of v1.
func findCgroups() (*cgroups, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		field := strings.Fields(line)
		if len(field) < 4 {
			continue
		}
		switch root := field[1]; {
		case field[2] == "cgroup" && strings.Contains(","+field[3]+",", ",memory,"):
			return &cgroups{root, "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", false}, nil
		case field[2] == "cgroup2" && hasMemory(filepath.Join(root, "cgroup.controllers")):
			enabled := filepath.Join(root, "cgroup.subtree_control")
			if !hasMemory(enabled) {
				if err := set(enabled, "+memory"); err != nil {
					return nil, fmt.Errorf("no memory controller for new cgroups: %w", err)
				}
			}
			return &cgroups{root, "memory.max", "memory.peak", "memory.events", true}, nil
		}
	}
	return nil, errors.New("no memory controller of cgroups is mounted")
}

func hasMemory(list string) bool {
	b, _ := os.ReadFile(list)
	return strings.Contains(" "+strings.TrimSpace(string(b))+" ", " memory ")
}

func set(file, value string) error {
	return os.WriteFile(file, []byte(value), 0) // these files are the kernel's
}

// A cgroup limits the memory of one download.
type cgroup struct {
	*cgroups
	dir string
}

func (c *cgroups) create(limit int64) (*cgroup, error) {
	dir, err := os.MkdirTemp(c.root, "inith-bench-")
	if err != nil {
		return nil, err
	}
	g := &cgroup{c, dir}
	if err := set(filepath.Join(dir, c.limit), strconv.FormatInt(limit, 10)); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	if c.unified { // v1 has no such file where swap is not accounted for
		_ = set(filepath.Join(dir, "memory.swap.max"), "0")
	}
	return g, nil
}

// wrap makes a command join the cgroup before it is executed.
func (g *cgroup) wrap(argv []string) []string {
	if g == nil {
		return argv
	}
	return append([]string{"/bin/sh", "-c", `echo 0 >"$0"/cgroup.procs && exec "$@"`, g.dir}, argv...)
}

// A charge is what the kernel counted in a cgroup.
type charge struct {
	Peak   int64 `json:"cgroup_peak_bytes,omitempty"`
	Hits   int64 `json:"cgroup_limit_hits,omitempty"`
	Killed int64 `json:"oom_kills,omitempty"`
}

func (g *cgroup) charge() charge {
	if g == nil {
		return charge{}
	}
	c := charge{Peak: g.number(g.peak, ""), Killed: g.number(g.event, "oom_kill ")}
	if g.unified {
		c.Hits = g.number(g.event, "max ")
	} else {
		c.Hits = g.number("memory.failcnt", "")
	}
	return c
}

// number reads a number from a file, after a key at the start of a line.
func (g *cgroup) number(name, key string) int64 {
	b, _ := os.ReadFile(filepath.Join(g.dir, name))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return n
		}
	}
	return 0
}

// remove waits for the processes that were just killed.
func (g *cgroup) remove(ctx context.Context) error {
	if g == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := os.Remove(g.dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
