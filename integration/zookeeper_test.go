package integration_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// startZookeeper starts a server, which is none of ZooKeeper's: see zookeeperserver.
func startZookeeper(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "busybox", append([]testcontainers.ContainerCustomizer{
		withDir(program(t, "zookeeperserver"), "/zookeeperserver"),
		testcontainers.WithCmd("/zookeeperserver", "--address", addr),
	}, opts...)...)
}

func useZookeeper(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "srvr"); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && !strings.Contains(string(answer), "\nNode count: ") {
		err = fmt.Errorf("answered %q", answer)
	}
	return err
}
