// Demo shows inith at work with nothing but Go: it runs the real binary, named by
// its argument, against simulated servers on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/inith/inith/internal/pace"
	"github.com/inith/inith/internal/simserver"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A scene is a server that refuses at first, then says that it is starting, then
// is ready.
type scene struct {
	name            string
	target          string // for inith, with the address in it
	listens, serves time.Duration
	starting, ready simserver.Handler
}

func scenes() []scene {
	return []scene{
		{
			name: "PostgreSQL", target: "postgres://%s/app", listens: 1500 * time.Millisecond, serves: 4 * time.Second,
			starting: simserver.Postgres{Refuse: "57P03"}.Handle, ready: simserver.PostgresAsksPassword,
		},
		{
			name: "Redis", target: "redis://%s", listens: time.Second, serves: 3 * time.Second,
			starting: simserver.RedisPing("-LOADING Redis is loading the dataset in memory\r\n"), ready: simserver.RedisPing("+PONG\r\n"),
		},
		{
			name: "a web service", target: "http://%s/healthz", listens: 500 * time.Millisecond, serves: 5 * time.Second,
			starting: simserver.HTTP(http.StatusServiceUnavailable), ready: simserver.HTTP(http.StatusOK),
		},
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: demo PATH-OF-INITH")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := []string{"wait", "--timeout", "30s"}
	fmt.Println("Three servers are simulated on loopback. Each refuses connections at first,")
	fmt.Println("then says that it is starting, then is ready:")
	for _, s := range scenes() {
		address, err := reserve(ctx)
		if err != nil {
			return err
		}
		target := fmt.Sprintf(s.target, address)
		fmt.Printf("  %-14s %s  (listens after %v, ready after %v)\n", s.name, target, s.listens, s.serves)
		command = append(command, target)
		go s.play(ctx, address)
	}
	command = append(command, "--", "echo", "The application runs, as the process that inith was.")
	fmt.Printf("\n$ inith wait --timeout 30s TARGET... -- echo …\n\n")
	inith := exec.CommandContext(ctx, args[0], command...) //nolint:gosec // the binary that make has built
	inith.Stdin, inith.Stdout, inith.Stderr = os.Stdin, os.Stdout, os.Stderr
	return inith.Run()
}

// reserve returns an address at which nothing listens.
func reserve(ctx context.Context) (string, error) {
	s, err := simserver.Listen(ctx, "tcp", "127.0.0.1:0", simserver.Silent)
	if err != nil {
		return "", err
	}
	s.Close()
	return s.Addr(), nil
}

func (s scene) play(ctx context.Context, address string) {
	if pace.Sleep(ctx, s.listens) != nil {
		return
	}
	server, err := simserver.Listen(ctx, "tcp", address, s.starting)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return
	}
	defer server.Close()
	if pace.Sleep(ctx, s.serves-s.listens) == nil {
		server.Become(s.ready)
		<-ctx.Done()
	}
}
