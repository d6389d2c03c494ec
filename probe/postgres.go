package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/inith/inith/internal/roots"
)

// protoUser is who asks at [LevelProto]. It need not exist. It must not be empty:
// the server refuses an empty user before it says that it is starting.
const protoUser = "inith"

// maxMessage bounds what a server may make us read, in bytes.
const maxMessage = 64 << 10

func postgresLevel(s *spec) Level {
	query, _ := parseQuery(s.url.RawQuery) // newPostgres reports the error
	attrs := query["target_session_attrs"]
	switch {
	case s.keys["sql"] != "", attrs != "" && attrs != "any":
		return LevelState
	case s.hasPassword(), query["password"] != "", query["passfile"] != "", query["sslcert"] != "", s.keys["cert-file"] != "":
		return LevelAuth
	default:
		return LevelProto
	}
}

// database speaks the PostgreSQL protocol, version 3.0.
// https://www.postgresql.org/docs/current/protocol-flow.html
type database struct {
	spec     *spec
	settings map[string]string // libpq's, without the files that are read at each attempt
	sql      string

	// The server has no TLS, so sslmode=prefer, which asks for it first, would
	// cost each login a connection.
	plainFirst bool
}

func newPostgres(s *spec) (Prober, error) {
	settings, err := postgresSettings(s)
	if err != nil {
		return nil, err
	}
	d := &database{spec: s, settings: settings, sql: s.keys["sql"]}
	if _, err := pgconn.ParseConfig(dsn(settings, "sslrootcert", "sslcert", "sslkey")); err != nil {
		return nil, errors.New("libpq would not accept this URL: is the value of an ssl*, host, port or target_session_attrs key right?")
	}
	if s.level == LevelState && d.sql == "" && settings["target_session_attrs"] == "any" {
		return nil, errors.New("level state needs sql= in the fragment or target_session_attrs= in the query")
	}
	return d, nil
}

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

// applyTLS translates inith's names to libpq's, whose own come later and win. A
// target whose fragment speaks of TLS wants it.
func applyTLS(settings map[string]string, s *spec) {
	settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = s.tls.CAFile, s.tls.CertFile, s.tls.KeyFile
	for _, key := range tlsKeys() {
		if _, ok := s.keys[key]; ok {
			settings["sslmode"] = "verify-full"
		}
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

// parseQuery reads a query in which no key may come twice.
func parseQuery(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("the query is not percent-encoded key=value pairs")
	}
	query := map[string]string{}
	for key := range values {
		query[key] = values.Get(key)
	}
	return query, nil
}

// config asks pgconn what libpq would do with the settings: which hosts, each
// with and without TLS.
func (d *database) config(password string) (*pgconn.Config, error) {
	settings := maps.Clone(d.settings)
	if password != "" {
		settings["password"] = password
	}
	if d.plainFirst && settings["sslmode"] == "prefer" {
		settings["sslmode"] = "allow"
	}
	for _, file := range []struct{ what, key string }{
		{"CA file", "sslrootcert"}, {"certificate file", "sslcert"}, {"key file", "sslkey"},
	} {
		if name := settings[file.key]; name != "" {
			if _, err := readSecret(file.what, name); err != nil {
				return nil, err
			}
		}
	}
	c, err := pgconn.ParseConfig(dsn(settings))
	if err != nil {
		return nil, &reason{text: "the TLS files cannot be used", hint: "they must be PEM, and key and certificate go together", err: err}
	}
	c.DialFunc = d.spec.dialer.DialContext
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

func (d *database) Probe(ctx context.Context) error {
	if d.spec.level <= LevelProto {
		return d.anyHost(ctx)
	}
	password, err := d.spec.password()
	if err != nil {
		return err
	}
	c, err := d.config(password)
	if err != nil {
		return err
	}
	hosts := strings.Count(d.settings["host"], ",") + 1
	if deadline, ok := ctx.Deadline(); ok && hosts > 1 {
		c.ConnectTimeout = time.Until(deadline) / time.Duration(hosts)
	}
	return d.login(ctx, c)
}

// anyHost asks each host in turn until one is ready, as libpq does.
func (d *database) anyHost(ctx context.Context) error {
	c, err := d.config("")
	if err != nil {
		return err
	}
	ways := []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}
	ways = append(ways, c.Fallbacks...)
	if slices.ContainsFunc(ways, isPlain) {
		ways = slices.DeleteFunc(ways, func(w *pgconn.FallbackConfig) bool { return !isPlain(w) })
	}
	var failed error
	for i, way := range ways {
		if failed = d.oneHost(ctx, way, len(ways)-i); failed == nil {
			return nil
		}
	}
	return failed
}

// isPlain reports whether a way to connect is without TLS. Where sslmode allows
// that, it is enough to be told that the server is up.
func isPlain(w *pgconn.FallbackConfig) bool { return w.TLSConfig == nil }

// oneHost asks one of the hosts that are left, in its share of the time.
func (d *database) oneHost(ctx context.Context, way *pgconn.FallbackConfig, left int) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	network, address := pgconn.NetworkAddress(way.Host, way.Port)
	if d.spec.level == LevelTCP {
		p, err := newPort(d.spec, network, address)
		if err != nil {
			return Permanent(err)
		}
		return p.Probe(ctx)
	}
	raw, err := d.spec.dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	if way.TLSConfig == nil {
		return d.startup(raw)
	}
	c, err := d.startTLS(ctx, raw, way.TLSConfig)
	if err != nil {
		return err
	}
	return d.startup(c)
}

// startTLS asks for TLS as the protocol wants it, unless sslnegotiation=direct.
func (d *database) startTLS(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	if d.settings["sslnegotiation"] != "direct" {
		request, err := (&pgproto3.SSLRequest{}).Encode(nil)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write(request); err != nil {
			return nil, err
		}
		answer := make([]byte, 1)
		if _, err := c.Read(answer); err != nil {
			return nil, err
		}
		if answer[0] != 'S' {
			return nil, errNoTLS()
		}
	}
	return d.spec.dialer.handshake(ctx, c, config)
}

func errNoTLS() error {
	return &reason{text: "the server does not offer TLS", hint: "sslmode asks for it: is ssl on in the server?"}
}

// startup introduces us and looks at the first answer. Any request for a
// password means that the server is up, and so does any error but the one that
// it is not.
func (d *database) startup(c net.Conn) error {
	f := pgproto3.NewFrontend(c, c)
	f.SetMaxBodyLen(maxMessage)
	name := d.settings["database"]
	if name == "" {
		name = "postgres"
	}
	f.Send(&pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters:      map[string]string{"user": protoUser, "database": name},
	})
	if err := f.Flush(); err != nil {
		return err
	}
	for {
		message, err := f.Receive()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case pgproto3.AuthenticationResponseMessage:
			return nil
		case *pgproto3.ErrorResponse:
			if m.Code == "57P03" {
				return postgresReason(m.Code)
			}
			return nil
		}
	}
}

// login connects as the application will and asks an empty question, which a
// pooler can only answer with the database behind it.
func (d *database) login(ctx context.Context, c *pgconn.Config) error {
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return d.loginError(err, c)
	}
	defer func() { _ = conn.Close(ctx) }()
	sql := d.sql
	if sql == "" {
		sql = "SELECT 1"
	}
	result := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	switch {
	case result.Err != nil:
		return postgresError(result.Err)
	case len(result.Rows) == 0 || len(result.Rows[0]) == 0:
		return &reason{text: "sql has no row"}
	case isFalse(result.Rows[0][0]):
		return &reason{text: "the first column of sql is false, 0 or null"}
	default:
		return nil
	}
}

// isFalse reports whether a value in the text format is false, 0 or null.
func isFalse(value []byte) bool {
	return value == nil || slices.Contains([]string{"f", "false", "0"}, string(value))
}

// loginError is postgresError for a login that may have failed before the first
// message of the protocol.
func (d *database) loginError(err error, c *pgconn.Config) error {
	t := d.spec.dialer.Trace()
	if c.TLSConfig != nil && t.Answered && !t.TLS && explainTLS(err) == nil {
		d.plainFirst = true
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok {
			return errNoTLS()
		}
	}
	return postgresError(err)
}

// postgresError reduces an error of pgconn to its SQLSTATE and a text of ours.
func postgresError(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresReason(e.Code)
	}
	if _, ok := errors.AsType[*pgconn.NotPreferredError](err); ok {
		return &reason{text: "no host has the target_session_attrs asked for", err: err}
	}
	return &quietError{"the login did not complete", err}
}

// A quietError hides the text of an error, which may hold a secret, from those
// who print it, not from those who inspect it.
type quietError struct {
	text string
	err  error
}

func (e *quietError) Error() string { return e.text }
func (e *quietError) Unwrap() error { return e.err }
