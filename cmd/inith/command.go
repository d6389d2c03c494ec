package main

import (
	"context"

	"github.com/inith/inith/internal/child"
)

// lookCommand finds the command before the work starts, not after minutes.
func (p *process) lookCommand() error {
	if p.command == nil {
		return nil
	}
	var err error
	p.path, err = child.Look(p.command[0])
	return err
}

// becomeCommand starts the command, unless a signal has arrived meanwhile. With asInit
// this process stays as its init process.
func (p *process) becomeCommand(ctx context.Context, asInit bool) error {
	if asInit {
		return child.Supervise(ctx, p.path, p.command, p.env)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return child.Exec(p.path, p.command, p.env)
}
