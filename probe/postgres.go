package probe

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// protoUser is who asks at [LevelProto]. It need not exist. It must not be empty:
// the server refuses an empty user before it says that it is starting.
const protoUser = "inith"

// maxMessage bounds what a server may make us read, in bytes.
const maxMessage = 64 << 10

// postgresOptions are those of postgres.
type postgresOptions struct {
	passwordFile string
	sql          string
}

func (o *postgresOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		sqlKey(&o.sql),
	}
}

func (o *postgresOptions) level(s *spec) Level {
	query, _ := target.Query(s.url.RawQuery) // open reports the error
	attrs := query["target_session_attrs"]
	switch {
	case attrs != "" && attrs != "any":
		return LevelState
	case s.password(o.passwordFile).Given(), query["password"] != "", query["passfile"] != "", query["sslcert"] != "", s.tls.CertFile != "":
		return LevelAuth
	default:
		return LevelProto
	}
}

func (o *postgresOptions) open(s *spec) (Prober, error) {
	settings, err := libpq.Settings(s.url, s.tls, s.drop)
	if err != nil {
		return nil, err
	}
	if err := libpq.Check(settings); err != nil {
		return nil, err
	}
	if s.level == LevelState && o.sql == "" && settings["target_session_attrs"] == "any" {
		return nil, errors.New("level state needs sql= in the fragment or target_session_attrs= in the query")
	}
	return &postgres{postgresOptions: *o, spec: s, password: s.password(o.passwordFile), settings: settings}, nil
}

// postgres speaks the PostgreSQL protocol, version 3.0.
// https://www.postgresql.org/docs/current/protocol-flow.html
type postgres struct {
	postgresOptions

	spec     *spec
	password credentials.Password
	settings map[string]string // libpq's, without the files that are read at each attempt

	// The server has no TLS, so sslmode=prefer, which asks for it first, would
	// cost each login a connection.
	plainFirst atomic.Bool
}

func (p *postgres) Probe(ctx context.Context) error {
	if p.spec.level <= LevelProto {
		return p.anyHost(ctx, p.greet)
	}
	password, err := p.password.Read()
	if err != nil {
		return err
	}
	if p.settings["target_session_attrs"] != "prefer-standby" {
		return p.anyHost(ctx, func(ctx context.Context, h postgresHost) error { return p.login(ctx, h, password) })
	}
	for _, attrs := range []string{"standby", "any"} {
		err = p.anyHost(ctx, func(ctx context.Context, h postgresHost) error {
			h.attrs = attrs
			return p.login(ctx, h, password)
		})
		if err == nil {
			return nil
		}
	}
	return err
}

// config asks pgconn what libpq would do with the settings at one of the hosts: with and without TLS.
func (p *postgres) config(h postgresHost, password string) (*pgconn.Config, error) {
	settings := maps.Clone(p.settings)
	settings["host"], settings["port"] = h.name, h.port
	if h.attrs != "" {
		settings["target_session_attrs"] = h.attrs
	}
	if password != "" {
		settings["password"] = password
	}
	switch {
	case p.spec.level == LevelTCP:
		settings["sslmode"], settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = "disable", "", "", ""
	case p.plainFirst.Load() && settings["sslmode"] == "prefer":
		settings["sslmode"] = "allow"
	}
	c, err := libpq.Config(settings, p.spec.tls.ServerName)
	if err != nil {
		return nil, err
	}
	c.LookupFunc = func(context.Context, string) ([]string, error) { return []string{cmp.Or(h.address, h.name)}, nil }
	c.ConnectTimeout = 0 // the attempt has a limit
	c.DialFunc = p.spec.dialer.DialContext
	c.BuildFrontend = newFrontend
	for _, way := range libpq.TLS(c) {
		*way = p.spec.dialer.watch(*way)
	}
	return c, nil
}

// newFrontend returns a frontend that refuses messages larger than any that a
// probe asks for.
func newFrontend(r io.Reader, w io.Writer) *pgproto3.Frontend {
	f := pgproto3.NewFrontend(r, w)
	f.SetMaxBodyLen(maxMessage)
	return f
}

// login connects as the application will and asks an empty question, which a
// pooler can only answer with the database behind it.
func (p *postgres) login(ctx context.Context, h postgresHost, password string) error {
	c, err := p.config(h, password)
	if err != nil {
		return err
	}
	way := &postgresWay{}
	way.watch(c)
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return p.loginError(err, c, way)
	}
	defer func() { _ = conn.Close(ctx) }()
	result := conn.ExecParams(ctx, cmp.Or(p.sql, "SELECT 1"), nil, nil, nil, nil)
	if !result.NextRow() {
		if _, err := result.Close(); err != nil {
			return postgresError(err)
		}
		return &usererr.Error{Text: "the sql query returned no row"}
	}
	if row := result.Values(); len(row) == 0 || isFalse(row[0]) {
		return &usererr.Error{Text: "the first column of the sql query is false, 0 or null"}
	}
	return nil // further rows, of which there may be millions, are not read
}

// isFalse reports whether a value in the text format is false, 0 or null.
func isFalse(value []byte) bool {
	number, err := strconv.ParseFloat(string(value), 64)
	return value == nil || err == nil && number == 0 || slices.Contains([]string{"f", "false"}, string(value))
}

// loginError is postgresError for a login that may have failed before the first
// message of the protocol.
func (p *postgres) loginError(err error, c *pgconn.Config, way *postgresWay) error {
	if c.TLSConfig == nil || !way.answered() || way.encrypted.Load() || usererr.TLS(err) != nil {
		return postgresError(err)
	}
	p.plainFirst.Store(true)
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok && p.settings["sslmode"] != "prefer" {
		return errNoTLS()
	}
	return postgresError(err)
}
