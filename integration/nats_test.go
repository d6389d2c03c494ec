package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// startNATS starts a server with a user app.
func startNATS(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "nats", append([]testcontainers.ContainerCustomizer{
		testcontainers.WithCmd("nats-server", "-a", "127.0.0.1", "-p", portOf(addr), "--user", "app", "--pass", password),
	}, opts...)...)
}

func useNATS(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return pingNATS(c)
}

// pingNATS logs in and sends a PING.
func pingNATS(c net.Conn) error {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "CONNECT {\"verbose\":false,\"user\":\"app\",\"pass\":%q}\r\nPING\r\n", password); err != nil {
		return err
	}
	line, err := r.ReadString('\n')
	if err == nil && strings.TrimSpace(line) != "PONG" {
		err = fmt.Errorf("NATS answered %q", line)
	}
	return err
}

// TestNATSJetStream asks servers with and without JetStream, and one with TLS.
func TestNATSJetStream(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		keys string
		want bool
	}{
		"without":                     {nil, "#jetstream", false},
		"with":                        {[]string{"--jetstream", "--store_dir", "/tmp"}, "#jetstream", true},
		"TLS":                         {[]string{"--tls", "--tlscert", "/tls.crt", "--tlskey", "/tls.key"}, "#ca-file=" + caFile(t), true},
		"TLS of an unknown authority": {[]string{"--tls", "--tlscert", "/tls.crt", "--tlskey", "/tls.key"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := freeAddr(t)
			startNATS(t, addr, withCertificate(t), testcontainers.WithCmdArgs(tt.args...))
			poll(t, 5*time.Minute, func(ctx context.Context) error { return naive(ctx, "tcp", addr) })
			target := open(t, "nats://app:"+escape(password)+"@"+addr+tt.keys)
			if !tt.want {
				wantNotYet(t, attempt(t, target, 10*time.Second))
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := new(probe.Waiter).Wait(ctx, target); err != nil {
				t.Error(err)
			}
		})
	}
}
