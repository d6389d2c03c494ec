package integration_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A gate is a Unix socket for inith to wait for, in containers without a
// network. It counts who comes.
type gate struct {
	dir    string
	visits atomic.Int32
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{dir: sharedDir(t)}
	path := filepath.Join(g.dir, "s")
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.visits.Add(1)
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, c) // until inith closes it
				_ = c.Close()
			})
		}
	})
	return g
}

// args are those of docker run for a container with a shell in which inith
// waits for the gate.
func (g *gate) args(options []string, wait ...string) []string {
	return append(g.shell(options, "/inith"), append([]string{"wait", "unix:///gate/s"}, wait...)...)
}

// shell are the arguments of docker run for the same container with another
// entry point.
func (g *gate) shell(options []string, entrypoint string) []string {
	args := append([]string{"--network=none", "--hostname=app"}, options...)
	return append(args, "--volume="+binary+":/inith:ro", "--volume="+g.dir+":/gate", "--entrypoint="+entrypoint, image("busybox"))
}
