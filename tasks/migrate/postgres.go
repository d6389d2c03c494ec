package migrate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// defaultName is that of a lock in a database, whatever the program is called: two
// versions of an application must not have two locks.
const defaultName = "migrate"

// A postgres lock is an advisory one: of a session, or through a pooler, which gives
// the next statement to another session, of a transaction.
//
// All goes by the simple protocol. The extended one would leave a portal open, and
// a transaction that has one keeps CREATE INDEX CONCURRENTLY waiting for ever. So
// does a session that blocks in pg_advisory_lock: it is only ever tried.
type postgres struct {
	settings   map[string]string
	tls        tlsconfig.TLS
	password   credentials.Password
	name, host string
	key        int64 // once connected
	log        *slog.Logger

	conn    *pgconn.PgConn // nil: not connected
	pooled  bool
	witness *pgconn.PgConn // see postgreswitness.go; nil: none
}

func openPostgres(u *url.URL, o Options) (Locker, error) {
	l := &postgres{password: credentials.Password{URL: u, Trimmed: credentials.WarnTrimmed(o.Logger)}, name: cmp.Or(o.Name, defaultName), host: o.Host, log: o.Logger}
	if err := readFragment(u, []target.Key{target.PasswordFile(&l.password.File)}, &l.tls); err != nil {
		return nil, err
	}
	settings, err := libpq.Settings(u, l.tls, dropKey(o.Logger))
	if err != nil {
		return nil, err
	}
	if err := libpq.Check(settings); err != nil {
		return nil, err
	}
	if settings["target_session_attrs"] == "any" {
		settings["target_session_attrs"] = "read-write" // a standby has locks of its own
	}
	settings["application_name"] = l.application(waiterPrefix)
	l.settings = settings
	return l, nil
}

// lockKey is the number of a lock, which PostgreSQL has for each database.
func lockKey(database, name string) int64 {
	sum := sha256.Sum256([]byte("inith:" + database + ":" + name))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // its bits are the key
}

// The names of our sessions in pg_stat_activity. PostgreSQL cuts a name after 63
// bytes; the time at which a lock was taken is appended to that of its session.
const (
	waiterPrefix  = "inith-migrate:"
	commandPrefix = "inith-command:"
	maxName       = 63 - len("~1234567890")
)

func (l *postgres) application(prefix string) string {
	name := prefix + l.name
	if prefix == commandPrefix { // what a successor searches for must not be cut
		name = l.commandName()
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?' // as PostgreSQL does
		}
		return r
	}, name+"@"+l.host)
	return name[:min(len(name), maxName)]
}

// commandName is the part of the name of a command's sessions that identifies its lock.
func (l *postgres) commandName() string { return fmt.Sprintf("%s%016x", commandPrefix, uint64(l.key)) } //nolint:gosec // bits

func (l *postgres) Try(ctx context.Context) (Lock, error) {
	attempt, cancel := context.WithTimeout(ctx, 2*beat)
	defer cancel()
	lock, err := l.try(attempt)
	if _, held := errors.AsType[*HeldError](err); err != nil && !held {
		l.Close(context.WithoutCancel(ctx))
	}
	return lock, err
}

func (l *postgres) try(ctx context.Context) (Lock, error) {
	if l.conn == nil {
		if err := l.connect(ctx); err != nil {
			return nil, err
		}
	}
	function := "pg_try_advisory_lock"
	if l.pooled {
		if _, err := l.query(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED"); err != nil {
			return nil, err
		}
		function = "pg_try_advisory_xact_lock"
	}
	rows, err := l.query(ctx, fmt.Sprintf("SELECT %s(%d)", function, l.key))
	if err != nil {
		return nil, err
	}
	if one(rows) == "t" {
		lock, err := kept(ctx, &postgresLock{l})
		if err != nil {
			return nil, err
		}
		return lock, l.prepare(ctx, l.conn)
	}
	held, err := l.holder(ctx)
	if err != nil {
		return nil, err
	}
	if l.pooled { // the pooler's session is for others meanwhile
		if _, err := l.query(ctx, "ROLLBACK"); err != nil {
			return nil, err
		}
	}
	return nil, held
}

// open opens a session.
func (l *postgres) open(ctx context.Context) (*pgconn.PgConn, error) {
	settings := maps.Clone(l.settings)
	if l.password.File != "" || settings["password"] == "" {
		password, err := l.password.Read()
		if err != nil {
			return nil, err
		}
		settings["password"] = password
	}
	c, err := libpq.Config(settings, l.tls.ServerName)
	if err != nil {
		return nil, err
	}
	libpq.ShareTime(ctx, c)
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, explain(ctx, err)
	}
	return conn, nil
}

func (l *postgres) connect(ctx context.Context) (err error) {
	if l.conn, err = l.open(ctx); err != nil {
		return err
	}
	rows, err := l.query(ctx, "SELECT pg_backend_pid(), current_database()")
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 2 {
		return errors.New("the server does not report which database it is")
	}
	l.key = lockKey(rows[0][1], l.name) // not the URL's: poolers have names of their own
	l.pooled = rows[0][0] != strconv.FormatUint(uint64(l.conn.PID()), 10)
	if l.pooled {
		l.log.WarnContext(ctx, "connected through a pooler: the lock is a transaction that stays open; prefer the server's own address for --lock")
	}
	return nil
}

// prepare has a session that holds a lock outlive idle times, and end soon after we do.
// Each setting exists in some versions only.
func (l *postgres) prepare(ctx context.Context, conn *pgconn.PgConn) error {
	settings := "('idle_in_transaction_session_timeout','0'),('idle_session_timeout','0'),('transaction_timeout','0'),('statement_timeout','0'),('lock_timeout','0')"
	if !l.pooled {
		settings += ",('tcp_keepalives_idle','10'),('tcp_keepalives_interval','5'),('tcp_keepalives_count','3'),('tcp_user_timeout','25000'),('client_connection_check_interval','5000')"
	}
	local := strconv.FormatBool(l.pooled) // a pooler gives the session to others afterwards
	for _, sql := range []string{
		"SELECT set_config(s.name, v.value, " + local + ") FROM pg_settings s JOIN (VALUES " + settings + ") v(name, value) ON s.name = v.name",
		"SELECT set_config('application_name', " + quote(l.application(waiterPrefix)) + " || '~' || extract(epoch FROM now())::bigint, " + local + ")",
	} {
		if _, err := exec(ctx, conn, sql); err != nil {
			return err
		}
	}
	return nil
}

// where finds a lock in pg_locks.
func where(key int64) string {
	return fmt.Sprintf("l.locktype = 'advisory' AND l.granted AND l.classid = %d AND l.objid = %d AND l.objsubid = 1"+
		" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())", uint64(key)>>32, uint32(key)) //nolint:gosec // halves
}

// holder asks who has the lock.
func (l *postgres) holder(ctx context.Context) (*HeldError, error) {
	rows, err := l.query(ctx, "SELECT a.application_name, l.pid FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE "+where(l.key))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || len(rows[0]) != 2 {
		return &HeldError{Holder: "a session that has just ended"}, nil
	}
	name, since, _ := strings.Cut(rows[0][0], "~")
	held := &HeldError{Holder: fmt.Sprintf("%s (backend %s)", redact.Line(name[:min(len(name), maxName)]), redact.Name(rows[0][1]))}
	if seconds, err := strconv.ParseInt(since, 10, 64); err == nil {
		held.Since = time.Unix(seconds, 0)
	}
	return held, nil
}

func (l *postgres) Close(ctx context.Context) {
	l.closeWitness(ctx)
	closeSession(ctx, l.conn)
	l.conn = nil
}

func closeSession(ctx context.Context, conn *pgconn.PgConn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	_ = conn.Close(ctx)
}

// query is exec in the session of the lock.
func (l *postgres) query(ctx context.Context, sql string) ([][]string, error) {
	return exec(ctx, l.conn, sql)
}

// exec uses the simple protocol, and returns the rows as strings. After an error the
// connection is closed, or the caller closes it.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	if conn == nil || conn.IsClosed() {
		return nil, errors.New("the connection is closed")
	}
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, explain(ctx, err)
	}
	var rows [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			var cells []string
			for _, cell := range row {
				cells = append(cells, string(cell))
			}
			rows = append(rows, cells)
		}
	}
	return rows, nil
}

func one(rows [][]string) string {
	if len(rows) == 1 && len(rows[0]) == 1 {
		return rows[0][0]
	}
	return ""
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// explain says why the server could not be asked. Refused credentials and a user
// without rights are not mended by waiting.
func explain(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		r := libpq.Reason(e.Code)
		if e.Code == "57P01" {
			r.Text = "the server is shutting down, or the session was terminated (SQLSTATE 57P01)"
		}
		if strings.HasPrefix(e.Code, "28") || strings.HasPrefix(e.Code, "42") {
			return &RefusedError{Err: r}
		}
		return r
	}
	if known := libpq.Error(err); usererr.Hint(known) != "" || known != err { //nolint:errorlint // whether it was replaced
		return known
	}
	return explainConnection(ctx, err)
}
