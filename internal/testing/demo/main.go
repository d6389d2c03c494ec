// Demo shows inith at work with nothing but Go: it runs the real binary, named by
// its argument, against simulated servers on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: demo PATH-OF-INITH")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &demo{binary: args[0], out: os.Stdout}
	if err := d.fetch(ctx); err != nil {
		return err
	}
	return d.wait(ctx)
}

// A demo tells what happens while inith does it.
type demo struct {
	binary string
	out    io.Writer
}

// say writes lines.
func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format+"\n", args...) }

// inith returns a call of the binary that shows what it does as it would alone.
func (d *demo) inith(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.binary, args...) //nolint:gosec // the binary that make has built
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}
