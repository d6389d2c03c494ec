package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/testing/simserver"
)

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

// wait shows how inith waits and becomes a command.
func (d *demo) wait(ctx context.Context) error {
	command := []string{"wait", "--timeout", "30s"}
	d.say("\n4. Three servers are simulated on loopback. Each refuses connections at first,")
	d.say("   then says that it is starting, then is ready:")
	for _, s := range scenes() {
		address, err := reserve(ctx)
		if err != nil {
			return err
		}
		target := fmt.Sprintf(s.target, address)
		d.say("     %-14s %s  (listens after %v, ready after %v)", s.name, target, s.listens, s.serves)
		command = append(command, target)
		go s.play(ctx, address)
	}
	command = append(command, "--", "echo", "The application runs, as the process that inith was.")
	d.say("\n$ inith wait --timeout 30s TARGET... -- echo …\n")
	return d.inith(ctx, command...).Run()
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
	if retry.Sleep(ctx, s.listens) != nil {
		return
	}
	server, err := simserver.Listen(ctx, "tcp", address, s.starting)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return
	}
	defer server.Close()
	if retry.Sleep(ctx, s.serves-s.listens) == nil {
		server.Become(s.ready)
		<-ctx.Done()
	}
}
