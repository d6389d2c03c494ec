package integration_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// redisTLS are the options of a server that speaks TLS alone on a port.
func redisTLS(port string) string {
	return "--port 0 --tls-port " + port + " --tls-auth-clients no --tls-replication yes --tls-cluster yes " +
		"--tls-cert-file /tls.crt --tls-key-file /tls.key --tls-ca-cert-file /tls.crt"
}

// startRedisSentinel starts a Sentinel, and the master that it watches in the same container.
func startRedisSentinel(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	master := portOf(freeAddr(t))
	listen := func(port string) string { return "--port " + port }
	if len(opts) > 0 {
		listen = redisTLS
	}
	script := fmt.Sprintf(`redis-server %s --bind 127.0.0.1 --requirepass '%s' --save '' &
touch /tmp/sentinel.conf
exec redis-server /tmp/sentinel.conf --sentinel %s --bind 127.0.0.1 --sentinel monitor main 127.0.0.1 %s 1 --sentinel auth-pass main '%s'`,
		listen(master), password, listen(portOf(addr)), master, password)
	return startServer(t, "redis", append(opts, testcontainers.WithCmd("sh", "-c", script))...)
}

// startRedisCluster starts a cluster of one node, whose slots nobody has assigned yet.
func startRedisCluster(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	listen := "--port " + portOf(addr)
	if len(opts) > 0 {
		listen = redisTLS(portOf(addr))
	}
	script := fmt.Sprintf(`cd /tmp && exec redis-server %s --bind 127.0.0.1 --requirepass '%s' --save '' --cluster-enabled yes --cluster-port %s`,
		listen, password, portOf(freeAddr(t)))
	return startServer(t, "redis", append(opts, testcontainers.WithCmd("sh", "-c", script))...)
}

// assignSlots completes a cluster of one node.
func assignSlots(t *testing.T, addr string, config *tls.Config) {
	t.Helper()
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		answer, err := askRedis(ctx, addr, config, "AUTH "+password, "CLUSTER ADDSLOTSRANGE 0 16383")
		if err == nil && answer[1] != "+OK" {
			err = fmt.Errorf("redis answered %q", answer)
		}
		return err
	})
}

// startWholeRedisCluster starts a cluster and completes it.
func startWholeRedisCluster(t *testing.T, addr string) *server {
	t.Helper()
	s := startRedisCluster(t, addr)
	assignSlots(t, addr, nil)
	return s
}

func startWholeRedisClusterTLS(t *testing.T, addr string) *server {
	t.Helper()
	s := startRedisCluster(t, addr, withCertificate(t))
	assignSlots(t, addr, trusting())
	return s
}

func dialRedis(ctx context.Context, addr string, config *tls.Config) (net.Conn, error) {
	if config != nil {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

func askRedis(ctx context.Context, addr string, config *tls.Config, commands ...string) ([]string, error) {
	c, err := dialRedis(ctx, addr, config)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return nil, err
	}
	return redisAsk(c, commands...)
}

func useRedisMaster(ctx context.Context, addr string) error {
	master, err := redisMaster(ctx, addr, nil)
	if err != nil {
		return err
	}
	return useRedis(ctx, master)
}

func useRedisMasterTLS(ctx context.Context, addr string) error {
	master, err := redisMaster(ctx, addr, trusting())
	if err != nil {
		return err
	}
	return useRedisTLS(ctx, master)
}

// redisMaster asks a Sentinel for the address of the master.
func redisMaster(ctx context.Context, addr string, config *tls.Config) (string, error) {
	c, err := dialRedis(ctx, addr, config)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "SENTINEL get-master-addr-by-name main\r\n"); err != nil {
		return "", err
	}
	var lines []string // *2, the size of the host, the host, the size of the port, the port
	for r := bufio.NewReader(c); len(lines) < 5; {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return net.JoinHostPort(lines[2], lines[4]), nil
}
