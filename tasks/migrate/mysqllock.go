package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/inith/inith/internal/usererr"
)

// A mySQLLock is held by the connection of its locker.
type mySQLLock struct{ *mySQL }

// Check asks the server, which is also what keeps the connection alive.
func (l *mySQLLock) Check(ctx context.Context) error {
	mine, err := l.value(ctx, "IS_USED_LOCK("+quote(l.key)+") = CONNECTION_ID()")
	if err == nil && mine != "1" {
		err = errors.New("the server says that this session does not hold it")
	}
	return err
}

// Orphans counts the sessions of the same user, in the same database, that come from
// the address of the holder before us: the server does not see that a client is gone
// before it answers it. Sessions of inith itself have a lock each that says so.
func (l *mySQLLock) Orphans(ctx context.Context, within time.Duration) (int, error) {
	if l.peer == "" {
		return 0, nil
	}
	count, err := l.value(ctx, fmt.Sprintf("COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"+
		" AND USER = SUBSTRING_INDEX(USER(), '@', 1) AND DB <=> DATABASE() AND SUBSTRING_INDEX(HOST, ':', 1) = %s"+
		" AND (COMMAND IN ('Query', 'Execute') OR COMMAND = 'Sleep' AND TIME < %d) AND IS_USED_LOCK(CONCAT(%s, ID)) IS NULL",
		quote(l.peer), int(within.Seconds()), quote(sessionLock)))
	if err != nil {
		return 0, err
	}
	n := 0
	_, err = fmt.Sscan(count, &n)
	return n, err
}

// Bind leaves the command as it is: MySQL has no variables for what names a session.
func (*mySQLLock) Bind(c Command) Command { return c }

// Release unlocks. The connection ends too.
func (l *mySQLLock) Release(ctx context.Context) error {
	defer l.Close(ctx)
	_, err := l.value(ctx, "RELEASE_LOCK("+quote(l.key)+")")
	return err
}

// explainMySQL says why the server could not be asked, by the number of its error:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html. Its text
// may quote anything.
func explainMySQL(ctx context.Context, err error) error {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return explainConnection(ctx, err)
	}
	known := map[uint16]usererr.Error{
		1040: {Text: "the server has too many connections", Hint: "raise max_connections, or reduce the number of clients"},
		1044: {Text: "the user has no access to the database", Hint: "grant it, or name another database in the URL"},
		1045: {Text: "user or password refused", Hint: "check user and password, and that the user may log in from here with this ssl-mode"},
		1049: {Text: "the database does not exist", Hint: "check whether the job that creates it has run"},
		1053: {Text: "the server is shutting down"},
		1129: {Text: "the server has blocked this host", Hint: "find out whose connections failed, then run mysqladmin flush-hosts"},
		1130: {Text: "the server does not accept this host", Hint: "create the user for it: 'user'@'%'"},
		1317: {Text: "the statement was killed"},
		1927: {Text: "the session was killed"},
		3159: {Text: "the server requires TLS", Hint: "set ssl-mode=required in the URL"},
	}[e.Number]
	if known.Text == "" {
		known.Text = "the server answered with an error"
	}
	known.Text, known.Err = fmt.Sprintf("%s (error %d)", known.Text, e.Number), err
	switch e.Number {
	case 1044, 1045, 1129, 1130, 1698, 3159:
		return &RefusedError{Err: &known}
	}
	return &known
}

// explainConnection says what happened to a connection.
func explainConnection(ctx context.Context, err error) error {
	if r := usererr.Connection(err); r != nil {
		return r
	}
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return &usererr.Error{Text: "the server does not offer TLS", Hint: "set ssl-mode=preferred in the URL to connect without", Err: err}
	case ctx.Err() != nil:
		return &usererr.Error{Text: "the server did not answer in time", Hint: "it is overloaded, or something in between drops the packets", Err: err}
	}
	return &usererr.Error{Text: "the connection was cut", Hint: "the server was restarted, or the session was killed", Err: err}
}
