package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/option"
)

// A waitWork is "wait" in a step.
type waitWork struct {
	options

	targets []string
}

func (p *process) waitTable() option.Table[waitWork] {
	return option.Table[waitWork]{
		Keys: append([]option.Key[waitWork]{
			{Name: "targets", Kind: option.TextOrTexts, Usage: "what to wait for: host:port or URLs", Set: func(w *waitWork, v option.Value) error {
				w.targets = append(w.targets, v.Text)
				return nil
			}},
		}, optionKeys(p, waitCommand(p), func(w *waitWork) *options { return &w.options }, "init", "once")...),
		Short: "targets",
	}
}

func (w *waitWork) open(ctx context.Context, p *process) (stepJob, error) {
	var job *waitJob
	err := w.parse(ctx, p, "wait", w.targets, func(c *cli.Context) (err error) {
		job, err = p.parseWait(c)
		return err
	})
	return job, err
}

func (w *waitJob) describe() string {
	var targets []string
	for _, t := range w.targets {
		targets = append(targets, t.Name+" at level "+t.Level.String())
	}
	return strings.Join(targets, ", ") + "; timeout " + shortDuration(w.timeout)
}

// Run waits, as a step of a plan.
func (w *waitJob) Run(ctx context.Context) error { return w.wait(ctx) }

// status tells how many targets are ready, and why the first of the others is not.
func (w *waitJob) status() string {
	ready, text := 0, ""
	w.progress.locked(func(rows []progressRow) {
		for _, r := range rows {
			switch {
			case r.last.Done && r.last.Err == nil:
				ready++
			case r.last.Err != nil && text == "":
				text = "; " + r.target.Name + ": " + r.last.Err.Error()
			}
		}
	})
	return fmt.Sprintf("%d of %d ready%s", ready, len(w.targets), text)
}
