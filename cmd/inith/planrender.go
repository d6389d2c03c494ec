package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/option"
)

// A renderWork is "render" in a step.
type renderWork struct {
	options

	src, to string
}

func (p *process) renderTable() option.Table[renderWork] {
	path := func(set func(w *renderWork, path string)) func(*renderWork, option.Value) error {
		return func(w *renderWork, v option.Value) error {
			if v.Text == "-" {
				return errors.New("a step has no standard input and output of its own: want a path")
			}
			set(w, v.Text)
			return nil
		}
	}
	return option.Table[renderWork]{
		Keys: append([]option.Key[renderWork]{
			{Name: "src", Usage: "a template, or a folder of them", Required: true, Set: path(func(w *renderWork, path string) { w.src = path })},
			{Name: "to", Usage: "the destination: a file or a folder", Required: true, Set: path(func(w *renderWork, path string) { w.to = path })},
		}, optionKeys(p, renderCommand(p), func(w *renderWork) *options { return &w.options }, "init")...),
	}
}

func (w *renderWork) open(ctx context.Context, p *process) (stepJob, error) {
	job := &renderStep{work: w, process: p}
	_, err := job.open(ctx)
	return job, err
}

// A renderStep reads its templates again when its turn has come: a step before may
// have made them anew.
type renderStep struct {
	work    *renderWork
	process *process
}

func (s *renderStep) open(ctx context.Context) (*renderJob, error) {
	var job *renderJob
	err := s.work.parse(ctx, s.process, "render", []string{s.work.src, s.work.to}, func(c *cli.Context) (err error) {
		job, err = s.process.parseRender(c)
		return err
	})
	return job, err
}

func (s *renderStep) describe() string { return s.work.src + " to " + s.work.to }

func (s *renderStep) Run(ctx context.Context) error {
	job, err := s.open(ctx)
	if err != nil {
		return err
	}
	_, err = job.job.Run(ctx)
	return err
}
