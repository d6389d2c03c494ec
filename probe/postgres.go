package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/usererr"
)

// protoUser is who asks at [LevelProto]. It need not exist. It must not be empty:
// the server refuses an empty user before it says that it is starting.
const protoUser = "inith"

// maxMessage bounds what a server may make us read, in bytes.
const maxMessage = 64 << 10

func postgresLevel(s *spec) Level {
	query, _ := libpq.Query(s.url.RawQuery) // newPostgres reports the error
	attrs := query["target_session_attrs"]
	switch {
	case s.keys["sql"] != "", attrs != "" && attrs != "any":
		return LevelState
	case s.hasPassword(), query["password"] != "", query["passfile"] != "", query["sslcert"] != "", s.tls.CertFile != "":
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
	settings, err := libpq.Settings(s.url, s.tls, s.drop)
	if err != nil {
		return nil, err
	}
	d := &database{spec: s, settings: settings, sql: s.keys["sql"]}
	if err := libpq.Check(settings); err != nil {
		return nil, err
	}
	if s.level == LevelState && d.sql == "" && settings["target_session_attrs"] == "any" {
		return nil, errors.New("level state needs sql= in the fragment or target_session_attrs= in the query")
	}
	return d, nil
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
	return &usererr.Error{Text: "the server does not offer TLS", Hint: "sslmode or a CA file asks for it: is ssl on in the server? sslmode=disable does without"}
}

// startup introduces us and looks at the first answer. Any request for a
// password means that the server is up, and so does any error but the one that
// it is not.
func (d *database) startup(c net.Conn) error {
	f := newFrontend(c, c)
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

// newFrontend returns a frontend that refuses messages larger than any that a
// probe asks for.
func newFrontend(r io.Reader, w io.Writer) *pgproto3.Frontend {
	f := pgproto3.NewFrontend(r, w)
	f.SetMaxBodyLen(maxMessage)
	return f
}

// login connects as the application will and asks an empty question, which a
// pooler can only answer with the database behind it.
func (d *database) login(ctx context.Context, c *pgconn.Config) error {
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return d.loginError(err, c)
	}
	defer func() { _ = conn.Close(ctx) }()
	result := conn.ExecParams(ctx, cmp.Or(d.sql, "SELECT 1"), nil, nil, nil, nil)
	if !result.NextRow() {
		if _, err := result.Close(); err != nil {
			return postgresError(err)
		}
		return &usererr.Error{Text: "sql has no row"}
	}
	if row := result.Values(); len(row) == 0 || isFalse(row[0]) {
		return &usererr.Error{Text: "the first column of sql is false, 0 or null"}
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
func (d *database) loginError(err error, c *pgconn.Config) error {
	t := d.spec.dialer.Trace()
	if c.TLSConfig == nil || !t.Answered || t.TLS || usererr.TLS(err) != nil {
		return postgresError(err)
	}
	d.plainFirst = true
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok && d.settings["sslmode"] != "prefer" {
		return errNoTLS()
	}
	return postgresError(err)
}
