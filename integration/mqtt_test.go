package integration_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// startMosquitto starts a server with a user app. Its password file is made when it starts.
func startMosquitto(t *testing.T, addr string) *server {
	t.Helper()
	return runMosquitto(t, addr, "")
}

func startMosquittoTLS(t *testing.T, addr string) *server {
	t.Helper()
	return runMosquitto(t, addr, "certfile /tls.crt\nkeyfile /tls.key\n")
}

func runMosquitto(t *testing.T, addr, more string) *server {
	t.Helper()
	config := "listener " + portOf(addr) + " 127.0.0.1\nallow_anonymous false\npassword_file /tmp/passwords\nuser root\n" + more
	const command = `touch /tmp/passwords && chmod 600 /tmp/passwords && mosquitto_passwd -b /tmp/passwords app "$PASSWORD" &&
exec mosquitto -c /mosquitto.conf`
	return startServer(t, "mosquitto",
		file("/mosquitto.conf", config), withCertificate(t),
		testcontainers.WithEnv(map[string]string{"PASSWORD": password}),
		testcontainers.WithCmd("sh", "-c", command))
}

func useMQTT(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return loginMQTT(c, "application")
}

func useMQTTTLS(ctx context.Context, addr string) error {
	d := tls.Dialer{Config: trusting()}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return loginMQTT(c, "application")
}

// loginMQTT logs in as a client of a name.
func loginMQTT(c net.Conn, name string) error {
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	field := func(s string) string { return string([]byte{0, byte(len(s))}) + s }
	body := field("MQTT") + "\x04\xc2\x00\x3c" + field(name) + field("app") + field(password)
	if _, err := io.WriteString(c, string([]byte{0x10, byte(len(body))})+body); err != nil {
		return err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if string(answer) != "\x20\x02\x00\x00" {
		return fmt.Errorf("mosquitto answered %x", answer)
	}
	return nil
}

// TestMQTTProbesAreHarmless makes 200 attempts while an application is connected, which stays so.
func TestMQTTProbesAreHarmless(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startMosquitto(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useMQTT(ctx, addr) })
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := loginMQTT(c, "worker"); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"mqtt://app:" + escape(password) + "@" + addr, "mqtt://" + addr} {
		target := open(t, raw)
		for range 100 {
			if err := attempt(t, target, 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := c.Write([]byte{0xc0, 0}); err != nil {
		t.Fatal(err)
	}
	pong := make([]byte, 2)
	if _, err := io.ReadFull(c, pong); err != nil || pong[0] != 0xd0 {
		t.Errorf("the application got %x, %v for a PINGREQ: it was disconnected", pong, err)
	}
}
