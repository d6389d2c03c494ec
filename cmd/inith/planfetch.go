package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/keys"
)

// A fetchWork is "fetch" in a step: one file, or several.
type fetchWork struct {
	options

	file  fetch.File
	files []fetch.File
}

func (p *process) fetchTable() keys.Table[fetchWork] {
	list := keys.List("files", "several files", p.modelTable(), func(w *fetchWork, f fetch.File) { w.files = append(w.files, f) })
	entry := keys.Within(p.modelKeys(), func(w *fetchWork) *fetch.File { return &w.file })
	// What one file has as its own key is no option of all.
	without := []string{"from-env", "file", "init", "json"}
	for _, f := range fetchCommand(p).Flags {
		name := f.Names()[0]
		for _, k := range entry {
			if one := camelCase(name); k.Name == one || k.Name == one+"s" {
				without = append(without, name)
			}
		}
	}
	return keys.Table[fetchWork]{
		Keys: append(append(entry, list), optionKeys(p, fetchCommand(p), func(w *fetchWork) *options { return &w.options }, without...)...),
		Check: func(w *fetchWork, has func(string) bool) error {
			if !has("files") {
				return cmp.Or(p.modelTable().Check(&w.file, has), lacks(has, "to"))
			}
			for _, k := range p.modelKeys() {
				if has(k.Name) {
					return errors.New("files: with it, " + k.Name + " is a key of each entry")
				}
			}
			return nil
		},
		Short: "files",
	}
}

func lacks(has func(string) bool, name string) error {
	if has(name) {
		return nil
	}
	return errors.New("no " + name)
}

func (w *fetchWork) open(ctx context.Context, p *process) (stepJob, error) {
	files := w.files
	if files == nil {
		files = []fetch.File{w.file}
	}
	var job *fetchJob
	err := w.parse(ctx, p, "fetch", nil, func(c *cli.Context) (err error) {
		for i := range files {
			files[i].Verify = c.Bool("verify")
		}
		job, err = p.newFetchJob(c, files)
		return err
	})
	return job, err
}

func (j *fetchJob) describe() string {
	var all []string
	for i, t := range j.transfers {
		evidence := "no digest"
		if f := j.files[i]; f.Digest != (fetch.Digest{}) {
			evidence = f.Digest.String()
		} else if f.SumsURL != nil {
			evidence = "digest from a list"
		}
		all = append(all, fmt.Sprintf("%s to %s (%s)", t.Name(), t.Path(), evidence))
	}
	return strings.Join(all, ", ")
}

// Run fetches, as a step of a plan.
func (j *fetchJob) Run(ctx context.Context) error {
	if err := j.open(); err != nil { // again: steps before may have made folders
		return err
	}
	_, err := j.fetch(ctx)
	return err
}

// status is how far the files are.
func (j *fetchJob) status() string {
	var done, size int64
	connections := 0
	for _, s := range j.statuses() {
		done, size, connections = done+s.Done, size+max(s.Size, s.Done), connections+s.Connections
	}
	if size == 0 {
		return ""
	}
	return fmt.Sprintf("%3d %% of %s, %d conn", 100*done/size, bytesize.Text(size), connections)
}
