// Package libpq connects to PostgreSQL as libpq does, by a URL alone: nothing comes
// from the environment or a home directory, and no error quotes the URL or what the
// server says.
package libpq

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// activeKeys are the query keys that change how pgconn connects.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
func activeKeys() []string {
	return []string{
		"application_name", "channel_binding", "connect_timeout", "host", "max_protocol_version", "min_protocol_version",
		"options", "passfile", "password", "port", "require_auth", "sslcert", "sslcertmode", "sslkey",
		"sslnegotiation", "sslpassword", "sslrootcert", "sslsni", "target_session_attrs", "user",
	}
}

// idleKeys are libpq's query keys that do not matter to readiness.
func idleKeys() []string {
	return []string{
		"client_encoding", "fallback_application_name", "gssencmode", "keepalives", "keepalives_count",
		"keepalives_idle", "keepalives_interval", "load_balance_hosts", "sslcompression", "tcp_user_timeout",
	}
}

// Settings returns libpq's settings of a URL. They are complete, so that pgconn
// takes none from the environment or the home directory. A query key that it does
// not know is given to drop, which may refuse it.
func Settings(u *url.URL, t tlsconfig.TLS, drop func(key string) error) (map[string]string, error) {
	settings := map[string]string{
		"application_name": "inith", "user": "postgres", "password": "", "passfile": "", "database": "",
		"sslmode": "prefer", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslcertmode": "allow", "sslsni": "1",
		"target_session_attrs": "any",
	}
	query, err := target.Query(u.RawQuery)
	if err != nil {
		return nil, err
	}
	settings["host"], settings["port"], err = splitHosts(u.Host)
	if err != nil {
		return nil, err
	}
	if user := u.User.Username(); user != "" {
		settings["user"] = user
	}
	settings["database"] = strings.TrimPrefix(u.Path, "/")
	applyTLS(settings, t)
	if err := applyQuery(settings, query, drop); err != nil {
		return nil, err
	}
	switch {
	case settings["host"] == "":
		return nil, errors.New("missing host")
	case (settings["sslcert"] == "") != (settings["sslkey"] == ""):
		return nil, errors.New("sslcert and sslkey need each other")
	}
	switch {
	case t.SkipVerify && strings.HasPrefix(settings["sslmode"], "verify-"):
		settings["sslrootcert"], settings["sslmode"] = "", "require"
	case settings["sslrootcert"] == "system": // ours also work in an image without any
		settings["sslrootcert"], settings["sslmode"] = "", "verify-full"
	}
	return settings, nil
}

// applyQuery applies libpq's own keys, and those of drivers that mean the same. Where several ask for TLS, the
// strictest counts.
func applyQuery(settings, query map[string]string, drop func(key string) error) error {
	mode := ""
	for _, key := range slices.Sorted(maps.Keys(query)) {
		meant, err := translate(key, query[key])
		switch {
		case err != nil:
			return fmt.Errorf("query key%s: %w", redact.Quoted(key), err)
		case meant == nil:
			if err := drop(key); err != nil {
				return err
			}
		}
		mode = target.StricterSSLMode(mode, meant["sslmode"])
		maps.Copy(settings, meant)
	}
	if mode != "" {
		settings["sslmode"] = mode
	}
	if accept, ok := query["sslaccept"]; ok {
		return applyPrisma(settings, accept)
	}
	return nil
}

// applyTLS translates inith's names to libpq's, whose own come later and win. Who
// names an authority, a certificate or a server wants TLS.
func applyTLS(settings map[string]string, t tlsconfig.TLS) {
	settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = t.CAFile, t.CertFile, t.KeyFile
	if t.CAFile+t.CertFile+t.ServerName != "" {
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
		if err := target.CheckPort(port); err != nil {
			return "", "", err
		}
		hs, ps = append(hs, u.Hostname()), append(ps, port)
	}
	return strings.Join(hs, ","), strings.Join(ps, ","), nil
}
