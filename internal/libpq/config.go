package libpq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// Check returns an error if libpq would not accept the settings, whatever is in the
// files that they name.
func Check(settings map[string]string) error {
	if _, err := pgconn.ParseConfig(DSN(settings, "sslrootcert", "sslcert", "sslkey")); err != nil {
		return errors.New("libpq would not accept this URL: check the values of the ssl*, host, port and target_session_attrs keys")
	}
	return nil
}

// Config asks pgconn what libpq would do with the settings: which hosts, each
// with and without TLS. The name is what certificates are to be for, "" the host's.
func Config(settings map[string]string, serverName string) (*pgconn.Config, error) {
	for _, file := range []struct{ what, key string }{
		{"CA file", "sslrootcert"}, {"certificate file", "sslcert"}, {"key file", "sslkey"},
	} {
		if name := settings[file.key]; name != "" {
			if _, err := credentials.ReadSecret(file.what, name); err != nil {
				return nil, err
			}
		}
	}
	c, err := pgconn.ParseConfig(DSN(settings))
	if err != nil {
		return nil, &usererr.Error{Text: "the TLS files cannot be used", Hint: "check that they are PEM, and that the key belongs to the certificate", Err: err}
	}
	for _, way := range TLS(c) {
		if (*way).RootCAs == nil && strings.HasPrefix(settings["sslmode"], "verify-") {
			(*way).RootCAs = tlsconfig.Authorities() // also read by pgconn's own check for verify-ca
		}
		if serverName != "" {
			(*way).ServerName = serverName
		}
	}
	return c, nil
}

// ShareTime has pgconn, which tries one address after the other, give each an equal share of the time of ctx, unless
// connect_timeout is less.
func ShareTime(ctx context.Context, c *pgconn.Config) {
	known := map[string][]string{}
	ways := 0
	for _, host := range append([]string{c.Host}, fallbackHosts(c)...) {
		if _, found := known[host]; !found && !strings.HasPrefix(host, "/") {
			addresses, _ := dial.Lookup(ctx, nil, host) // pgconn reports that there are none
			for _, a := range addresses {
				known[host] = append(known[host], a.String())
			}
		}
		ways += max(1, len(known[host]))
	}
	c.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		if len(known[host]) > 0 {
			return known[host], nil
		}
		return net.DefaultResolver.LookupHost(ctx, host)
	}
	deadline, ok := ctx.Deadline()
	if share := time.Until(deadline) / time.Duration(ways); ok && (c.ConnectTimeout == 0 || share < c.ConnectTimeout) {
		c.ConnectTimeout = share
	}
}

func fallbackHosts(c *pgconn.Config) []string {
	hosts := make([]string, len(c.Fallbacks))
	for i, f := range c.Fallbacks {
		hosts[i] = f.Host
	}
	return hosts
}

// TLS returns the configurations of the ways to connect that have one.
func TLS(c *pgconn.Config) []**tls.Config {
	var ways []**tls.Config
	if c.TLSConfig != nil {
		ways = append(ways, &c.TLSConfig)
	}
	for _, f := range c.Fallbacks {
		if f.TLSConfig != nil {
			ways = append(ways, &f.TLSConfig)
		}
	}
	return ways
}

// DSN writes settings as libpq's keywords and values, and some as empty.
func DSN(settings map[string]string, empty ...string) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for key, value := range settings {
		if slices.Contains(empty, key) {
			value = ""
		}
		fmt.Fprintf(&b, "%s='%s' ", key, quote.Replace(value))
	}
	return b.String()
}
