// Inith prepares a container before its application starts: it waits until what
// the application depends on is ready, then becomes the application.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, again, hangups := signalContext(context.Background()) // first: PID 1 gets no signal that it does not handle
	p := &process{args: os.Args, env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr, again: again, hangups: hangups}
	os.Exit(p.run(ctx))
}
