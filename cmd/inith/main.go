// Inith prepares a container before its application starts: it waits until what
// the application depends on is ready, then becomes the application.
package main

import (
	"context"
	"os"
)

func main() {
	p := &process{args: os.Args, env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	ctx, stop := signalContext(context.Background())
	code := p.run(ctx)
	stop()
	os.Exit(code)
}
