package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/files"
)

// A filesWork is "files" in a step.
type filesWork struct {
	place

	actions []files.Action
}

func filesTable() option.Table[filesWork] {
	return option.Table[filesWork]{
		Keys: []option.Key[filesWork]{
			option.List("actions", "what to do, one after another", actionTable(), func(w *filesWork, a files.Action) { w.actions = append(w.actions, a) }),
		},
		Check: func(w *filesWork, _ func(string) bool) error {
			if len(w.actions) == 0 {
				return errors.New("nothing to do: want a list of mkdir, copy and chmod")
			}
			return nil
		},
		Short: "actions",
	}
}

// actionTable is one of the actions of "files".
func actionTable() option.Table[files.Action] {
	text := func(field func(a *files.Action) *string) func(*files.Action, option.Value) error {
		return func(a *files.Action, v option.Value) error {
			*field(a) = v.Text
			return nil
		}
	}
	return option.Table[files.Action]{
		Keys: []option.Key[files.Action]{
			{Name: "mkdir", Usage: "make this folder, and those above it", Set: text(func(a *files.Action) *string { return &a.Mkdir })},
			{Name: "copy", Usage: "copy this file, or this folder with what is in it", Set: text(func(a *files.Action) *string { return &a.Copy })},
			{Name: "to", Usage: "where to copy it", Set: text(func(a *files.Action) *string { return &a.To })},
			{Name: "chmod", Usage: "set the permission bits of this file or folder", Set: text(func(a *files.Action) *string { return &a.Chmod })},
			{Name: "mode", Kind: option.Digits, Usage: "permission bits, in octal", Set: func(a *files.Action, v option.Value) (err error) { a.Mode, err = parseMode(v.Text); return err }},
		},
		Check: func(_ *files.Action, has func(string) bool) error {
			kinds := 0
			for _, name := range []string{"mkdir", "copy", "chmod"} {
				if has(name) {
					kinds++
				}
			}
			switch {
			case kinds != 1:
				return errors.New("want one of mkdir, copy and chmod")
			case has("copy") != has("to"):
				return errors.New("copy and to go together")
			case has("chmod") && !has("mode"):
				return errors.New("chmod needs a mode")
			}
			return nil
		},
	}
}

func (w *filesWork) open(context.Context, *process) (stepJob, error) {
	var made []string // by the actions before
	for _, a := range w.actions {
		isMade := slices.ContainsFunc(made, func(path string) bool { return strings.HasPrefix(a.Copy, path) })
		if _, err := os.Stat(a.Copy); a.Copy != "" && !isMade && errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		made = append(made, slices.DeleteFunc([]string{a.Mkdir, a.To}, func(path string) bool { return path == "" })...)
	}
	return filesJob(w.actions), nil
}

type filesJob []files.Action

func (j filesJob) describe() string {
	var all []string
	for _, a := range j {
		all = append(all, a.String())
	}
	return strings.Join(all, ", ")
}

// Run does the actions, as a step of a plan.
func (j filesJob) Run(ctx context.Context) error { return files.Run(ctx, j) }
