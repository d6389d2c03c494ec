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

// startZookeeper starts a server on its own.
func startZookeeper(t *testing.T, addr string) *server {
	t.Helper()
	return runZookeeper(t, addr, "")
}

// startZookeeperMember starts one of three members of an ensemble, which serves no requests until there is another.
func startZookeeperMember(t *testing.T, addr string) (finish func()) {
	t.Helper()
	var ensemble strings.Builder
	for id := 1; id <= 3; id++ {
		fmt.Fprintf(&ensemble, "server.%d=%s:%s\n", id, freeAddr(t), portOf(freeAddr(t)))
	}
	start := func(addr, id string) { runZookeeper(t, addr, ensemble.String(), file("/tmp/zookeeper/myid", id)) }
	start(addr, "1")
	return func() { start(freeAddr(t), "2") }
}

// runZookeeper finds the programs both where upstream's image and where Debian has them.
func runZookeeper(t *testing.T, addr, ensemble string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	const script = `exec java -Xmx64m -cp "/usr/share/java/zookeeper.jar:$(echo /apache-zookeeper-*/lib)/*" ` +
		`org.apache.zookeeper.server.quorum.QuorumPeerMain /tmp/zookeeper/zoo.cfg`
	return startServer(t, "zookeeper", append([]testcontainers.ContainerCustomizer{
		testcontainers.WithEntrypoint("sh", "-c", script),
		file("/tmp/zookeeper/zoo.cfg", fmt.Sprintf(`
clientPort=%s
clientPortAddress=127.0.0.1
dataDir=/tmp/zookeeper
admin.enableServer=false
4lw.commands.whitelist=srvr
tickTime=500
initLimit=20
syncLimit=20
%s`, portOf(addr), ensemble)),
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
