package integration_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"
	tclog "github.com/testcontainers/testcontainers-go/log"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// images are upstream's. TEST_IMAGE_POSTGRES and so on name others.
var images = map[string]string{
	"postgres":  "postgres:17-alpine",
	"mariadb":   "mariadb:11.4",
	"redis":     "redis:7-alpine",
	"nginx":     "nginx:1.27-alpine",
	"haproxy":   "haproxy:3.0-alpine",
	"pgbouncer": "edoburu/pgbouncer:v1.24.1-p1",
	"rabbitmq":  "rabbitmq:4.1-alpine",
	"nats":      "nats:2.11-alpine",
	"mosquitto": "eclipse-mosquitto:2.0",
	"busybox":   "busybox:1.36", // a shell
	"etcd":      "quay.io/coreos/etcd:v3.5.21",
	"memcached": "memcached:1.6-alpine",
	"dnsmasq":   "dockurr/dnsmasq:2.91",
	"slapd":     "osixia/openldap:1.5.0",

	"clickhouse": "clickhouse/clickhouse-server:25.8",
	"influxdb":   "influxdb:1.8-alpine",
	"kcat":       "edenhill/kcat:1.7.1",
	"prometheus": "prom/prometheus:v3.5.0",
	"zookeeper":  "zookeeper:3.9",

	"filesystems": "debian:12", // with what makes file systems, or apt-get to install it
}

func image(server string) string {
	if name := os.Getenv("TEST_IMAGE_" + strings.ToUpper(server)); name != "" {
		return name
	}
	return images[server]
}

// docker is one client for the run.
var docker = sync.OnceValues(func() (*client.Client, error) {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("docker client: %w", err)
	}
	return c, nil
})

// A server is a container whose process listens on the host's loopback.
//
// The host's network, and not a published port: docker's proxy accepts on a
// published port before the server does, and would hide "refused" from the tests.
type server struct {
	*testcontainers.DockerContainer
	docker *client.Client
}

// startServer starts a container and does not wait for its process to be ready.
func startServer(t *testing.T, name string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	opts = append(opts, testcontainers.WithLogger(tclog.NewNoopLogger()), testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
		h.NetworkMode = "host"
	}))
	c := startImage(t, name, opts...)
	d, err := docker()
	if err != nil {
		t.Fatal(err)
	}
	return &server{c, d}
}

func newNetwork(t *testing.T) *testcontainers.DockerNetwork {
	t.Helper()
	network, err := tcnetwork.New(t.Context())
	testcontainers.CleanupNetwork(t, network)
	if err != nil {
		t.Fatalf("make a network: %v", err)
	}
	return network
}

// startOn starts a server with a name on a network, and does not wait for it.
func startOn(t *testing.T, network *testcontainers.DockerNetwork, alias, name string, opts ...testcontainers.ContainerCustomizer) {
	t.Helper()
	startImage(t, name, append(opts, tcnetwork.WithNetwork([]string{alias}, network))...)
}

func startImage(t *testing.T, name string, opts ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), image(name), opts...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	return c
}

// kill ends the server with SIGKILL, as a node that runs out of memory does, and
// returns when it is gone.
func (s *server) kill(t *testing.T) {
	t.Helper()
	ctx, id := t.Context(), s.GetContainerID()
	gone := s.docker.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err := s.docker.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "KILL"})
	if err != nil {
		t.Fatalf("kill: %v", err)
	}
	select {
	case <-gone.Result:
	case err := <-gone.Error:
		t.Fatalf("wait for the killed server: %v", err)
	}
}

// restart starts a killed server again.
func (s *server) restart(t *testing.T) {
	t.Helper()
	if _, err := s.docker.ContainerStart(t.Context(), s.GetContainerID(), client.ContainerStartOptions{}); err != nil {
		t.Fatalf("start again: %v", err)
	}
}

// hang stops all processes of the server until the function it returns is
// called. The kernel still accepts connections for them.
func (s *server) hang(t *testing.T) (wake func()) {
	t.Helper()
	ctx, id := t.Context(), s.GetContainerID()
	if _, err := s.docker.ContainerPause(ctx, id, client.ContainerPauseOptions{}); err != nil {
		t.Fatalf("pause: %v", err)
	}
	return func() {
		if _, err := s.docker.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{}); err != nil {
			t.Errorf("unpause: %v", err)
		}
	}
}

// log returns what the server has written.
func (s *server) log(ctx context.Context, t *testing.T) string {
	t.Helper()
	r, err := s.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// exec runs a command in the container as user ("" is the image's).
func (s *server) exec(t *testing.T, user string, cmd ...string) {
	t.Helper()
	code, _, err := s.Exec(t.Context(), cmd, tcexec.WithUser(user))
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	if err != nil {
		t.Fatalf("%s in the container: %v", cmd[0], err)
	}
}

var lastPort atomic.Uint32

// freeAddr returns an address on loopback where nothing listens. Its port is
// below the range from which the kernel takes ports for clients: one of
// those could be taken meanwhile, and a client that dials its own port on loopback
// connects to itself.
func freeAddr(t *testing.T) string {
	t.Helper()
	const first, count = 20000, 10000
	lastPort.CompareAndSwap(0, rand.Uint32N(count))
	for range count {
		addr := fmt.Sprintf("127.0.0.1:%d", first+lastPort.Add(1)%count)
		l, err := net.Listen("tcp", addr)
		if err == nil {
			err = l.Close()
		}
		if err == nil {
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// file is a file to put into a container, readable by all.
func file(path, content string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithFiles(testcontainers.ContainerFile{
		Reader: strings.NewReader(content), ContainerFilePath: path, FileMode: 0o644,
	})
}

// sharedDir is a folder of the host that any user of a container can use.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withDir shows a folder of the host in the container.
func withDir(host, path string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
		h.Binds = append(h.Binds, host+":"+path)
	})
}
