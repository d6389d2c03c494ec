package main

import (
	"context"

	"github.com/inith/inith/internal/subprocess"
)

// lookCommand finds the command before the work starts, not after minutes.
func (p *process) lookCommand() error {
	if p.command == nil {
		return nil
	}
	var err error
	p.path, err = subprocess.Look(p.command[0])
	return err
}

// becomeCommand starts the command, unless a signal has arrived meanwhile. With asInit
// this process stays as its init process.
func (p *process) becomeCommand(ctx context.Context, asInit bool) error {
	if asInit {
		return subprocess.Supervise(ctx, p.path, p.command, p.env)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return subprocess.Exec(p.path, p.command, p.env)
}
