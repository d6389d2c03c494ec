package integration_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// startDNSMasq starts a name server that knows two addresses of app.test.
func startDNSMasq(t *testing.T, addr string) *server {
	t.Helper()
	return startServer(t, "dnsmasq", testcontainers.WithEntrypoint("dnsmasq"), testcontainers.WithCmd(
		"--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root", "--bind-interfaces", "--listen-address=127.0.0.1", "--port="+portOf(addr),
		"--host-record=app.test,10.0.0.1", "--host-record=app.test,10.0.0.2"))
}

func useDNS(ctx context.Context, addr string) error {
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	ips, err := r.LookupNetIP(ctx, "ip4", "app.test.")
	if err == nil && len(ips) != 2 {
		err = fmt.Errorf("%d addresses", len(ips))
	}
	return err
}
