package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// startMemcached starts a server that needs a login.
func startMemcached(t *testing.T, addr string) *server {
	t.Helper()
	return startServer(t, "memcached",
		file("/users", "app:"+password+"\n"),
		testcontainers.WithCmd("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", portOf(addr), "--auth-file=/users"))
}

// useMemcached logs in, stores a value and reads it.
func useMemcached(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	token := "app " + password
	lines := bufio.NewReader(c)
	for _, step := range [][2]string{
		{fmt.Sprintf("set any 0 0 %d\r\n%s", len(token), token), "STORED\r\n"},
		{"set used 0 0 1\r\n1", "STORED\r\n"},
		{"get used", "VALUE used 0 1\r\n"},
	} {
		if _, err := fmt.Fprintf(c, "%s\r\n", step[0]); err != nil {
			return err
		}
		answer, err := lines.ReadString('\n')
		if err != nil || answer != step[1] {
			return fmt.Errorf("answered %q, %w", answer, err)
		}
	}
	return nil
}
