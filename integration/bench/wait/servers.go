package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A login is the password of the servers, and the file that holds it.
type login struct{ password, file string }

// servers are the real servers behind the gates. An address is "" where there
// is none.
type servers struct {
	postgres, redis string
	login           login
	containers      []string
}

const (
	postgresImage = "postgres:17-alpine"
	redisImage    = "redis:7-alpine"
)

func startServers(ctx context.Context, out io.Writer, c *config, dir string) (*servers, error) {
	s := &servers{postgres: c.postgres, redis: c.redis}
	if err := s.prepareLogin(c.passwordFile, dir); err != nil {
		return nil, err
	}
	if s.postgres != "" || s.redis != "" { // whoever names one server means no containers
		return s, nil
	}
	if !haveDocker(ctx) {
		fmt.Fprintln(out, "skipped  postgres, redis: no Docker here, and neither -postgres nor -redis is given")
		return s, nil
	}
	if err := errors.Join(s.startPostgres(ctx), s.startRedis(ctx)); err != nil {
		s.stop(ctx)
		return nil, err
	}
	return s, nil
}

func haveDocker(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "version").Run() == nil
}

func (s *servers) prepareLogin(file, dir string) error {
	if file != "" {
		b, err := os.ReadFile(file)
		s.login = login{strings.TrimSpace(string(b)), file}
		return err
	}
	s.login = login{rand.Text(), filepath.Join(dir, "password")}
	return os.WriteFile(s.login.file, []byte(s.login.password), 0o600)
}

// image returns the upstream image, or the one that TEST_IMAGE_<SERVER> names.
func image(server, upstream string) string {
	//nolint:forbidigo // the benchmark's own setting, not inith's
	if name := os.Getenv("TEST_IMAGE_" + strings.ToUpper(server)); name != "" {
		return name
	}
	return upstream
}

func (s *servers) startPostgres(ctx context.Context) (err error) {
	host, port, err := freePort(ctx)
	if err != nil {
		return err
	}
	err = s.start(ctx, []string{"POSTGRES_PASSWORD=" + s.login.password, "PGPORT=" + port, "POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256"},
		image("postgres", postgresImage), "postgres", "-c", "listen_addresses="+host)
	if err != nil {
		return err
	}
	s.postgres = net.JoinHostPort(host, port)
	return untilAnswer(ctx, s.postgres, "\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00", "R")
}

func (s *servers) startRedis(ctx context.Context) error {
	host, port, err := freePort(ctx)
	if err != nil {
		return err
	}
	err = s.start(ctx, nil, image("redis", redisImage),
		"redis-server", "--port", port, "--bind", host, "--requirepass", s.login.password, "--save", "")
	if err != nil {
		return err
	}
	s.redis = net.JoinHostPort(host, port)
	return untilAnswer(ctx, s.redis, "PING\r\n", "-NOAUTH")
}

// start starts a container on the host's network: on a published port, docker's
// proxy would accept before the server does. The values of variables go to
// docker by its environment, so that they are on no command line.
func (s *servers) start(ctx context.Context, env []string, img string, args ...string) error {
	argv := []string{"run", "--detach", "--rm", "--network", "host"}
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		argv = append(argv, "--env", name)
	}
	cmd := exec.CommandContext(ctx, "docker", append(append(argv, img), args...)...) //nolint:gosec // our own arguments
	cmd.Env = append(cmd.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	id, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("docker run %s: %w: %s", img, err, bytes.TrimSpace(stderr.Bytes()))
	}
	s.containers = append(s.containers, strings.TrimSpace(string(id)))
	return nil
}

// stop removes the containers, also after an interrupt.
func (s *servers) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, id := range s.containers {
		_ = exec.CommandContext(ctx, "docker", "rm", "--force", "--volumes", id).Run() //nolint:gosec // made by start
	}
}

// freePort returns a port that was free a moment ago.
func freePort(ctx context.Context) (host, port string, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	host, port, err = net.SplitHostPort(l.Addr().String())
	return host, port, errors.Join(err, l.Close())
}

// untilAnswer asks a server until its answer begins with want. It does not use
// inith: that is under test.
func untilAnswer(ctx context.Context, addr, question, want string) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		got, err := ask(ctx, addr, question, len(want))
		if got == want {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("server at %s is not ready: answer %q, %w", addr, got, errors.Join(err, ctx.Err()))
		}
	}
}

func ask(ctx context.Context, addr, question string, n int) (string, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, question); err != nil {
		return "", err
	}
	answer := make([]byte, n)
	n, err = io.ReadFull(c, answer)
	return string(answer[:n]), err
}
