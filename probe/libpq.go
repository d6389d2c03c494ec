package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/reason"
	"github.com/inith/inith/internal/roots"
)

// libpqKeys are the query keys that change how pgconn connects.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
func libpqKeys() []string {
	return []string{
		"application_name", "channel_binding", "dbname", "host", "max_protocol_version", "min_protocol_version",
		"options", "passfile", "password", "port", "require_auth", "sslcert", "sslcertmode", "sslkey", "sslmode",
		"sslnegotiation", "sslpassword", "sslrootcert", "sslsni", "target_session_attrs", "user",
	}
}

// idleKeys are libpq's query keys that do not matter to readiness.
func idleKeys() []string {
	return []string{
		"client_encoding", "connect_timeout", "fallback_application_name", "gssencmode", "keepalives", "keepalives_count",
		"keepalives_idle", "keepalives_interval", "load_balance_hosts", "sslcompression", "tcp_user_timeout",
	}
}

// postgresSettings returns libpq's settings of a URL. They are complete, so that
// pgconn takes none from the environment or the home directory.
func postgresSettings(s *spec) (map[string]string, error) {
	settings := map[string]string{
		"application_name": "inith", "user": "postgres", "password": "", "passfile": "", "database": "",
		"sslmode": "prefer", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslcertmode": "allow", "sslsni": "1",
		"target_session_attrs": "any",
	}
	query, err := parseQuery(s.url.RawQuery)
	if err != nil {
		return nil, err
	}
	settings["host"], settings["port"], err = splitHosts(s.url.Host)
	if err != nil {
		return nil, err
	}
	if user := s.url.User.Username(); user != "" {
		settings["user"] = user
	}
	settings["database"] = strings.TrimPrefix(s.url.Path, "/")
	applyTLS(settings, s)
	for _, key := range slices.Sorted(maps.Keys(query)) {
		switch {
		case key == "dbname":
			settings["database"] = query[key]
		case key == "ssl" && query[key] == "true":
			settings["sslmode"] = "require"
		case slices.Contains(libpqKeys(), key):
			settings[key] = query[key]
		case !slices.Contains(idleKeys(), key):
			if err := s.drop(key); err != nil {
				return nil, err
			}
		}
	}
	if settings["host"] == "" {
		return nil, errors.New("missing host")
	}
	switch {
	case s.tls.SkipVerify && strings.HasPrefix(settings["sslmode"], "verify-"):
		settings["sslrootcert"], settings["sslmode"] = "", "require"
	case settings["sslrootcert"] == "system": // ours also work in an image without any
		settings["sslrootcert"], settings["sslmode"] = "", "verify-full"
	}
	return settings, nil
}

// applyTLS translates inith's names to libpq's, whose own come later and win. Who
// names an authority, a certificate or a server wants TLS.
func applyTLS(settings map[string]string, s *spec) {
	settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = s.tls.CAFile, s.tls.CertFile, s.tls.KeyFile
	if s.tls.CAFile+s.tls.CertFile+s.tls.ServerName != "" {
		settings["sslmode"] = "verify-full"
	}
}

// splitHosts splits libpq's h1:5432,h2:5433 into its hosts and their ports.
func splitHosts(list string) (hosts, ports string, err error) {
	if list == "" {
		return "", "", nil
	}
	var hs, ps []string
	for part := range strings.SplitSeq(list, ",") {
		u := url.URL{Host: part}
		port := u.Port()
		if port == "" {
			port = "5432"
		}
		if err := checkPortNumber(port); err != nil {
			return "", "", err
		}
		hs, ps = append(hs, u.Hostname()), append(ps, port)
	}
	return strings.Join(hs, ","), strings.Join(ps, ","), nil
}

// config asks pgconn what libpq would do with the settings: which hosts, each
// with and without TLS.
func (d *database) config(password string) (*pgconn.Config, error) {
	settings := maps.Clone(d.settings)
	if password != "" {
		settings["password"] = password
	}
	switch {
	case d.spec.level == LevelTCP:
		settings["sslmode"], settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = "disable", "", "", ""
	case d.plainFirst && settings["sslmode"] == "prefer":
		settings["sslmode"] = "allow"
	}
	for _, file := range []struct{ what, key string }{
		{"CA file", "sslrootcert"}, {"certificate file", "sslcert"}, {"key file", "sslkey"},
	} {
		if name := settings[file.key]; name != "" {
			if _, err := credentials.ReadSecret(file.what, name); err != nil {
				return nil, err
			}
		}
	}
	c, err := pgconn.ParseConfig(dsn(settings))
	if err != nil {
		return nil, &reason.Error{Text: "the TLS files cannot be used", Hint: "they must be PEM, and key and certificate go together", Err: err}
	}
	c.DialFunc = d.spec.dialer.DialContext
	c.BuildFrontend = newFrontend
	d.prepareTLS(c)
	return c, nil
}

// dsn writes settings as libpq's keywords and values, and some as empty.
func dsn(settings map[string]string, empty ...string) string {
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

// prepareTLS adds to each way to connect what pgconn cannot know.
func (d *database) prepareTLS(c *pgconn.Config) {
	ways := []**tls.Config{&c.TLSConfig}
	for _, f := range c.Fallbacks {
		ways = append(ways, &f.TLSConfig)
	}
	for _, way := range ways {
		if *way == nil {
			continue
		}
		if (*way).RootCAs == nil && strings.HasPrefix(d.settings["sslmode"], "verify-") {
			(*way).RootCAs = roots.Pool() // also read by pgconn's own check for verify-ca
		}
		if name := d.spec.tls.ServerName; name != "" {
			(*way).ServerName = name
		}
		*way = d.spec.dialer.watch(*way)
	}
}
