package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

// A mySQL lock is one that GET_LOCK takes, of MySQL or MariaDB: it belongs to a
// session, and to the whole server, so that its name is made of the database's too.
type mySQL struct {
	client *mysqlclient.Client
	name   string
	log    *slog.Logger

	session *mysqlclient.Session // nil: not connected
	witness *mysqlclient.Session // see mysqlwitness.go; nil: none
	key     string               // the name of the lock at the server, once connected
	peer    string               // the address that the last holder came from, "" if none was seen
}

func openMySQL(u *url.URL, o Options) (Locker, error) {
	client := mysqlclient.Options{Drop: dropKey(o.Logger), Trimmed: credentials.WarnTrimmed(o.Logger)}
	if err := readFragment(u, []target.Key{target.PasswordFile(&client.PasswordFile)}, &client.TLS); err != nil {
		return nil, err
	}
	c, err := mysqlclient.New(u, client)
	return &mySQL{client: c, name: cmp.Or(o.Name, defaultName), log: o.Logger}, err
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
	if l.session == nil {
		if err := l.connect(ctx); err != nil {
			return nil, err
		}
	}
	got, err := l.value(ctx, "GET_LOCK("+quote(l.key)+", 0)")
	if err != nil {
		return nil, err
	}
	if got == "1" {
		return kept(ctx, &mySQLLock{l})
	}
	return nil, l.holder(ctx)
}

// open opens a session, which others distinguish from a command's.
func (l *mySQL) open(ctx context.Context) (*mysqlclient.Session, error) {
	s, err := l.client.Connect(ctx, (&dial.Dialer{}).DialContext)
	if err != nil {
		return nil, explainMySQL(ctx, err)
	}
	// While it is held a statement comes every few seconds; a server may wait less.
	if _, err := l.ask(ctx, s, "SET SESSION wait_timeout = 600"); err != nil {
		s.Close()
		return nil, err
	}
	if _, err := l.ask(ctx, s, "SELECT GET_LOCK(CONCAT("+quote(sessionLock)+", CONNECTION_ID()), 0)"); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (l *mySQL) connect(ctx context.Context) (err error) {
	if l.session, err = l.open(ctx); err != nil {
		return err
	}
	database, err := l.value(ctx, "COALESCE(DATABASE(), '')")
	if err != nil {
		return err
	}
	l.key = fmt.Sprintf("inith:%016x", uint64(lockKey(database, l.name))) //nolint:gosec // bits
	return nil
}

// holder asks who holds the lock. The server shows sessions of the same user, and those of
// other users to a user with the privilege PROCESS.
func (l *mySQL) holder(ctx context.Context) error {
	rows, err := l.query(ctx, "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST WHERE ID = IS_USED_LOCK("+quote(l.key)+")")
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 3 {
		return &HeldError{Holder: "a session that has just ended"}
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
	l.closeWitness()
	if l.session != nil {
		l.session.Close()
		l.session = nil
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

// query is ask in the session of the lock.
func (l *mySQL) query(ctx context.Context, sql string) ([][]string, error) {
	return l.ask(ctx, l.session, sql)
}

// ask returns the rows as strings.
func (*mySQL) ask(ctx context.Context, s *mysqlclient.Session, sql string) ([][]string, error) {
	if s == nil {
		return nil, errors.New("the connection is closed")
	}
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, explainMySQL(ctx, err)
	}
	return rows, nil
}
