package integration_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// startMongoDB starts a server, which is none of MongoDB's: see mongoserver.
func startMongoDB(t *testing.T, addr string) *server {
	t.Helper()
	return startServer(t, "busybox", withDir(program(t, "mongoserver"), "/mongoserver"),
		testcontainers.WithCmd("/mongoserver", "--address", addr, "--password", password))
}

// useMongoDB sends a ping.
func useMongoDB(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ping := "\x10ping\x00\x01\x00\x00\x00" + "\x02$db\x00\x06\x00\x00\x00admin\x00" + "\x00"
	message := "\x07\x00\x00\x00" + "\x00\x00\x00\x00" + "\xdd\x07\x00\x00" + "\x00\x00\x00\x00" + "\x00" + size(len(ping)+4) + ping
	if _, err := io.WriteString(c, size(len(message)+4)+message); err != nil {
		return err
	}
	answer := make([]byte, 256)
	n, err := c.Read(answer)
	if err == nil && !strings.Contains(string(answer[:n]), "\x01ok\x00") {
		err = errors.New("no answer to ping")
	}
	return err
}

func size(n int) string { return string([]byte{byte(n), 0, 0, 0}) }
