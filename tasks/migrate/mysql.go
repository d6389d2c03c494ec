package migrate

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// A mySQL lock is one that GET_LOCK takes, of MySQL or MariaDB: it belongs to a
// session, and to the whole server, so that its name is made of the database's too.
type mySQL struct {
	config   *mysql.Config
	password credentials.Password
	tls      *tlsconfig.Loader // nil: no TLS
	optional bool              // TLS only if the server offers it, without verification
	name     string
	log      *slog.Logger

	conn driver.Conn // nil: not connected
	key  string      // the name of the lock at the server, once connected
	peer string      // the address that the last holder came from, "" if none was seen
}

func openMySQL(u *url.URL, o Options) (Locker, error) {
	l := &mySQL{tls: &tlsconfig.Loader{}, password: credentials.Password{URL: u}, name: cmp.Or(o.Name, defaultName), log: o.Logger}
	if err := readFragment(u, []target.Key{target.PasswordFile(&l.password.File)}, &l.tls.TLS); err != nil {
		return nil, err
	}
	if u.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	if strings.Contains(u.Host, ",") {
		return nil, errors.New("a lock is of one server: name one host")
	}
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	c.User, c.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	c.Logger = &mysql.NopLogger{} // it would quote the server
	l.config = c
	return l, l.readQuery(u.RawQuery)
}

// readQuery takes ssl-mode, which MySQL's own programs have, from the query. Other
// keys are a framework's.
func (l *mySQL) readQuery(raw string) error {
	query, err := target.Query(raw)
	if err != nil {
		return err
	}
	mode := "preferred"
	if l.tls.TLS != (tlsconfig.TLS{}) {
		mode = "verify_identity"
	}
	for key, value := range query {
		if key != "ssl-mode" {
			l.log.Debug("dropped", "what", "query key", "key", redact.Word(key))
			continue
		}
		mode = strings.ToLower(value)
	}
	modes := []string{"disabled", "preferred", "required", "verify_identity"}
	switch mode {
	case "disabled":
		l.tls = nil
	case "preferred":
		l.optional, l.tls.SkipVerify = true, true
	case "required":
		l.tls.SkipVerify = true
	case "verify_identity":
	default:
		return fmt.Errorf("ssl-mode: want one of %s%s", strings.Join(modes, ", "), suggest.DidYouMean(mode, modes))
	}
	return nil
}

func (l *mySQL) Try(ctx context.Context) (Lock, error) {
	attempt, cancel := context.WithTimeout(ctx, 2*beat)
	defer cancel()
	lock, err := l.try(attempt)
	if _, held := errors.AsType[*HeldError](err); err != nil && !held {
		l.Close(ctx)
	}
	return lock, err
}

func (l *mySQL) try(ctx context.Context) (Lock, error) {
	if l.conn == nil {
		if err := l.connect(ctx); err != nil {
			return nil, err
		}
	}
	got, err := l.value(ctx, "GET_LOCK("+quote(l.key)+", 0)")
	if err != nil {
		return nil, err
	}
	if got == "1" {
		return &mySQLLock{l}, nil
	}
	return nil, l.holder(ctx)
}

func (l *mySQL) connect(ctx context.Context) error {
	c := l.config.Clone()
	var err error
	if c.Passwd, err = l.password.Read(); err != nil {
		return err
	}
	if l.tls != nil {
		host, _, _ := net.SplitHostPort(c.Addr)
		config, err := l.tls.Config(host)
		if err != nil {
			return err
		}
		c.TLS, c.AllowFallbackToPlaintext = config, l.optional
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return &RefusedError{Err: errors.New("the driver does not accept this URL")}
	}
	l.conn, err = connector.Connect(ctx)
	if err != nil {
		l.conn = nil
		return explainMySQL(ctx, err)
	}
	database, err := l.value(ctx, "COALESCE(DATABASE(), '')")
	if err != nil {
		return err
	}
	l.key = fmt.Sprintf("inith:%016x", uint64(lockKey(database, l.name))) //nolint:gosec // bits
	// While it is held a statement comes every few seconds; a server may wait less.
	if _, err = l.query(ctx, "SET SESSION wait_timeout = 600"); err != nil {
		return err
	}
	_, err = l.value(ctx, "GET_LOCK(CONCAT("+quote(sessionLock)+", CONNECTION_ID()), 0)")
	return err
}

// holder asks who holds the lock. The server shows sessions of the same user, and those of
// other users to a user with the privilege PROCESS.
func (l *mySQL) holder(ctx context.Context) error {
	rows, err := l.query(ctx, "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST WHERE ID = IS_USED_LOCK("+quote(l.key)+")")
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 3 {
		return &HeldError{}
	}
	l.peer = addressOf(rows[0][2])
	return &HeldError{Holder: fmt.Sprintf("%s@%s (connection %s)", redact.Name(rows[0][1]), redact.Name(l.peer), redact.Name(rows[0][0]))}
}

// addressOf cuts the port off a HOST of the list of processes.
func addressOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		return host[:i]
	}
	return host
}

func (l *mySQL) Close(context.Context) {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// value asks for one value, "" if it is NULL.
func (l *mySQL) value(ctx context.Context, expression string) (string, error) {
	rows, err := l.query(ctx, "SELECT "+expression)
	return one(rows), err
}

// sessionLock, and its number, is the name of a lock that a session of ours has, by
// which others distinguish it from a command's. A session may have several locks since MySQL
// 5.7.5 and MariaDB 10.0.2.
const sessionLock = "inith:session:"

// query returns the rows as strings.
func (l *mySQL) query(ctx context.Context, sql string) ([][]string, error) {
	queryer, ok := l.conn.(driver.QueryerContext)
	if !ok {
		return nil, errors.New("the connection is closed")
	}
	result, err := queryer.QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, explainMySQL(ctx, err)
	}
	defer func() { _ = result.Close() }()
	var rows [][]string
	values := make([]driver.Value, len(result.Columns()))
	for {
		err := result.Next(values)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, explainMySQL(ctx, err)
		}
		rows = append(rows, strs(values))
	}
}

func strs(values []driver.Value) []string {
	all := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case []byte:
			all[i] = string(v)
		default:
			all[i] = fmt.Sprint(v)
		}
	}
	return all
}
