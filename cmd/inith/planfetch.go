package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/option"
)

// A fetchWork is "fetch" in a step: one file, or several.
type fetchWork struct {
	options

	file  fetch.File
	files []fetch.File
}

func (p *process) fetchTable() option.Table[fetchWork] {
	entry := p.modelKeys()
	return option.Table[fetchWork]{
		Keys: slices.Concat(
			option.Within(entry, func(w *fetchWork) *fetch.File { return &w.file }),
			[]option.Key[fetchWork]{option.List("files", "several files", p.modelTable(), func(w *fetchWork, f fetch.File) { w.files = append(w.files, f) })},
			optionKeys(p, fetchCommand(p), func(w *fetchWork) *options { return &w.options }, append(fileFlags(), "from-env", "evidence", "init", "json")...)),
		Check: func(w *fetchWork, has func(string) bool) error {
			if !has("files") && !has("file") {
				return cmp.Or(p.modelTable().Check(&w.file, has), lacks(has, "to"))
			}
			for _, k := range entry {
				if has(k.Name) {
					return errors.New("with several files, " + k.Name + " is a key of each entry")
				}
			}
			if has("files") && has("file") {
				return errors.New("files and file exclude each other")
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
	if w.file.URL != nil {
		files = []fetch.File{w.file}
	}
	var job *fetchJob
	err := w.parse(ctx, p, "fetch", nil, func(c *cli.Context) (err error) {
		if name := c.String("file"); name != "" {
			if files, err = p.listed(c, name); err != nil {
				return err
			}
		}
		if len(files) == 0 {
			return errors.New("files: the list is empty")
		}
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
	for i, t := range j.opened().Transfers() {
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
