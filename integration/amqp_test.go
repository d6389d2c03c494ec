package integration_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"
)

// startRabbitMQ starts a broker with a vhost app and a user app. The ports of Erlang are its own, since other brokers are on
// this host.
func startRabbitMQ(t *testing.T, addr string) *server {
	t.Helper()
	return runRabbitMQ(t, "listeners.tcp.1 = "+addr+"\n")
}

func startRabbitMQTLS(t *testing.T, addr string) *server {
	t.Helper()
	const tls = "ssl_options.certfile = /tls.crt\nssl_options.keyfile = /tls.key\nssl_options.cacertfile = /tls.crt\n"
	return runRabbitMQ(t, "listeners.tcp = none\nlisteners.ssl.1 = "+addr+"\n"+tls, withCertificate(t))
}

func runRabbitMQ(t *testing.T, listeners string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	config := listeners + "loopback_users = none\ndefault_user = app\ndefault_pass = " + password +
		"\ndefault_vhost = app\ndisk_free_limit.absolute = 1MB\n"
	distribution := portOf(freeAddr(t))
	return startServer(t, "rabbitmq", append([]testcontainers.ContainerCustomizer{
		file("/rabbitmq.conf", config),
		testcontainers.WithEnv(map[string]string{
			"RABBITMQ_CONFIG_FILE": "/rabbitmq.conf", "RABBITMQ_NODENAME": "rabbit" + distribution + "@localhost",
			"RABBITMQ_DIST_PORT": distribution, "ERL_EPMD_PORT": portOf(freeAddr(t)), "ERL_EPMD_ADDRESS": "127.0.0.1",
			"RABBITMQ_LOGS": "-", "RABBITMQ_MNESIA_BASE": "/tmp/mnesia", "RABBITMQ_ENABLED_PLUGINS": "",
		}),
		testcontainers.WithCmd("rabbitmq-server"),
	}, opts...)...)
}

// rabbitmqctl runs a command of the broker's administrator and returns what it prints.
func rabbitmqctl(t *testing.T, s *server, args ...string) string {
	t.Helper()
	code, out, err := s.Exec(t.Context(), append([]string{"rabbitmqctl", "-q"}, args...), tcexec.Multiplexed())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil || code != 0 {
		t.Fatalf("rabbitmqctl %s: exit code %d, %v: %s", args[0], code, err, text)
	}
	return string(text)
}

// TestAMQPState has what a broker is asked for: a queue, a vhost, and no alarm. 200 attempts at a broker that blocks publishers
// leave no connection.
func TestAMQPState(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	s := startRabbitMQ(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useAMQP(ctx, addr) })
	base := "amqp://app:" + escape(password) + "@" + addr
	check := func(target string, ready bool) {
		t.Helper()
		if err := attempt(t, open(t, base+target), 10*time.Second); (err == nil) != ready {
			t.Errorf("%s: %v, want ready %t", target, err, ready)
		}
	}
	check("/app#level=state", true)
	check("/app#queue=used", true)
	check("/app#queue=missing", false)
	check("/app#exchange=amq.topic&queue=used", true)
	check("/app#exchange=missing", false)
	check("/missing", false)
	rabbitmqctl(t, s, "set_vm_memory_high_watermark", "0")
	blocked := open(t, base+"/app#level=state")
	poll(t, 5*time.Minute, func(context.Context) error {
		//nolint:contextcheck // an attempt has the context of the test
		if err := attempt(t, blocked, 10*time.Second); err == nil || !strings.Contains(err.Error(), "blocks publishers") {
			return fmt.Errorf("with an alarm: %w", err)
		}
		return nil
	})
	for range 200 {
		wantNotYet(t, attempt(t, blocked, 10*time.Second))
	}
	check("/app", true) // who only consumes is not blocked
	poll(t, 5*time.Minute, func(context.Context) error {
		//nolint:contextcheck // it has the context of the test
		if left := strings.Count(rabbitmqctl(t, s, "list_connections", "pid"), "<"); left > 0 {
			return fmt.Errorf("the broker has %d connections", left)
		}
		return nil
	})
	if queues := rabbitmqctl(t, s, "list_queues", "--vhost", "app", "name"); strings.TrimSpace(strings.TrimPrefix(queues, "name")) != "used" {
		t.Errorf("the broker has the queues %q", queues)
	}
}
