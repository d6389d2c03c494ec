package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/tasks/files"
)

// filesOptions are the options of a files step of a plan.
type filesOptions struct{ actions []files.Action }

func filesTable() option.Table[*filesOptions] {
	return option.Table[*filesOptions]{
		Options: []option.Option[*filesOptions]{
			option.List("actions", "what to do, sequentially", actionTable(), func(o *filesOptions, a *files.Action) { o.actions = append(o.actions, *a) }),
		},
		Check: func(o *filesOptions, _ option.Given) error {
			if len(o.actions) == 0 {
				return errors.New("nothing to do: want a list of mkdir, copy and chmod")
			}
			return nil
		},
		Short: "actions",
	}
}

// actionTable is one of the actions of "files".
func actionTable() option.Table[*files.Action] {
	type action = files.Action
	return option.Table[*action]{
		Options: []option.Option[*action]{
			{
				Key:   "mkdir",
				Usage: "create this directory and its parents",
				Set:   option.ToString(func(a *action) *string { return &a.Mkdir }),
			},
			{
				Key:   "copy",
				Usage: "copy this file, or this directory with its content",
				Set:   option.ToString(func(a *action) *string { return &a.Copy }),
			},
			{Key: "to", Usage: "where to copy it", Set: option.ToString(func(a *action) *string { return &a.To })},
			{
				Key:   "chmod",
				Usage: "set the permission bits of this file or directory",
				Set:   option.ToString(func(a *action) *string { return &a.Chmod }),
			},
			{
				Key: "mode", Kind: option.Digits,
				Usage: "permission bits, in octal",
				Set:   option.Parsed(option.Mode, func(a *action) *fs.FileMode { return &a.Mode }),
			},
		},
		Check: func(_ *action, given option.Given) error {
			kinds := 0
			for _, name := range []string{"mkdir", "copy", "chmod"} {
				if given.Has(name) {
					kinds++
				}
			}
			switch {
			case kinds != 1:
				return errors.New("want one of mkdir, copy and chmod")
			case given.Has("copy") != given.Has("to"):
				return errors.New("copy and to go together")
			case given.Has("chmod") && !given.Has("mode"):
				return errors.New("chmod needs a mode")
			}
			return nil
		},
	}
}

// filesStep creates directories, copies files and sets permission bits as a step of a plan.
func filesStep(r *runner) planfile.Kind {
	return kindOf(r, "files", "create directories, copy files, set permission bits", filesTable(),
		func(_ context.Context, _ session, o *filesOptions, _ option.Given) (planfile.Job, error) {
			return filesJob(o.actions), checkSources(o.actions)
		})
}

// checkSources reports a file to copy that is missing, and that no action before creates.
func checkSources(actions []files.Action) error {
	var created []string
	for _, a := range actions {
		isCreated := slices.ContainsFunc(created, func(path string) bool { return path != "" && strings.HasPrefix(a.Copy, path) })
		_, err := os.Stat(a.Copy)
		if a.Copy != "" && !isCreated && errors.Is(err, fs.ErrNotExist) {
			return err
		}
		created = append(created, a.Mkdir, a.To)
	}
	return nil
}

type filesJob []files.Action

// Describe returns the actions.
func (j filesJob) Describe() string {
	var all []string
	for _, a := range j {
		all = append(all, a.String())
	}
	return strings.Join(all, ", ")
}

// Run does the actions.
func (j filesJob) Run(ctx context.Context) error { return files.Run(ctx, j) }
