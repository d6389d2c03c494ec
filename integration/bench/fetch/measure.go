package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// measureScenario lets every tool download as often. All tools of a round come
// after each other, in random order, so that noise hits them alike. The first
// round warms up.
func (b *bench) measureScenario(ctx context.Context, s scenario) error {
	data := filepath.Join(b.work, fmt.Sprintf("origin-%dx%d+%d", s.files, s.size, s.small))
	files, err := b.filesIn(data, s)
	if err != nil {
		return err
	}
	p, err := newPlace(ctx, s.line)
	if err != nil {
		return err
	}
	defer func() { fmt.Fprint(b.out, p.close()) }()
	if p.by != "" {
		fmt.Fprintf(b.out, "the line is emulated by %s\n", p.by)
	}
	origin, err := startHelper(ctx, p.server, nil, roleOrigin, "-dir", data, "-listen", p.addr+":0",
		"-pace", fmt.Sprint(s.pace), "-cut", fmt.Sprint(s.cut))
	if err != nil {
		return err
	}
	defer func() { fmt.Fprint(b.out, origin.stop()) }()
	j := job{origin: origin.ready, layout: s.layout, files: files, data: data, dir: filepath.Join(b.work, "out"), list: filepath.Join(b.work, "list")}
	tools := slices.DeleteFunc(b.tools.toolsFor(s), func(t tool) bool { return !b.wanted(t.name) })
	for round := range b.rounds + 1 {
		rand.Shuffle(len(tools), func(x, y int) { tools[x], tools[y] = tools[y], tools[x] })
		for _, t := range tools {
			r := row{Topic: s.topic, Scenario: s.name, Tool: t.name, Round: round}
			if err := b.download(ctx, p.client, s, t, j, &r); err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, t.name, err)
			}
			if err := b.keep(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted tells whether a tool is one of -tools.
func (b *bench) wanted(name string) bool {
	return b.config.tools == "" || slices.ContainsFunc(strings.Split(b.config.tools, ","), func(begin string) bool {
		return strings.HasPrefix(name, begin)
	})
}

// filesIn makes the files of a scenario, or takes those of one before.
func (b *bench) filesIn(data string, s scenario) ([]file, error) {
	if files, ok := b.data[data]; ok {
		return files, nil
	}
	files, err := makeFiles(data, s)
	b.data[data] = files
	return files, err
}

// download runs a tool once, into an empty folder, and compares what it left.
func (b *bench) download(ctx context.Context, in *namespace, s scenario, t tool, j job, r *row) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(j.dir)) }()
	c := t.command(j)
	if err := errors.Join(os.RemoveAll(j.dir), os.Mkdir(j.dir, 0o750),
		os.WriteFile(j.list, []byte(c.list), 0o600), os.WriteFile(j.list+".sums", sums(j.files), 0o600)); err != nil {
		return err
	}
	group, err := newCgroup(s.limit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.remove(ctx)) }()
	o := order{Argv: group.wrap(c.argv), Env: environ(c.env...), Sync: j.dir}
	if t.isInith() || t.yard {
		o.Sync = "" // it has done so itself
	}
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	r.outcome, r.Stderr, err = execute(limited, in, o)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		r.Failed, r.Stderr, r.Wall = true, "killed after "+b.limit.String()+": "+r.Stderr, b.limit
		err = nil
	case err != nil:
		return err
	}
	r.charge = group.charge()
	if r.Failed = r.Failed || r.Code != 0; r.Failed {
		return nil
	}
	r.Stderr = ""
	if t.yard {
		return nil
	}
	for _, f := range j.files {
		whole, err := isWhole(j.output(f), f.Sum)
		if err != nil {
			return err
		}
		r.Wrong = r.Wrong || !whole
	}
	return nil
}

// newCgroup returns nil if there is no limit.
func newCgroup(limit int64) (*cgroup, error) {
	if limit == 0 {
		return nil, nil //nolint:nilnil // no cgroup is a cgroup that does nothing
	}
	c, err := findCgroups()
	if err != nil {
		return nil, err
	}
	return c.create(limit)
}

// keep keeps a row, at once also in the file.
func (b *bench) keep(r row) error {
	b.rows = append(b.rows, r)
	return json.NewEncoder(b.raws).Encode(r)
}

// faultsOfInith is the one measure that fails a run.
func (b *bench) faultsOfInith() error {
	n := 0
	for _, r := range b.rows {
		if r.isInith() && (r.Wrong || r.Failed && r.Killed == 0) {
			n++
			fmt.Fprintf(b.out, "inith: %s, round %d: wrong %v, exit %d: %s\n", r.Scenario, r.Round, r.Wrong, r.Code, r.Stderr)
		}
	}
	if n > 0 {
		return fmt.Errorf("%d downloads of inith were wrong or failed", n)
	}
	return nil
}
