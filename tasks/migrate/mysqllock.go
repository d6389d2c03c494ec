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
		1040: {Text: "the server has too many connections", Hint: "raise max_connections, or have fewer clients"},
		1044: {Text: "the user has no access to the database", Hint: "GRANT it, or name another one in the URL"},
		1045: {Text: "the server refuses the credentials", Hint: "are user and password right, and may the user log in from here, with this ssl-mode?"},
		1049: {Text: "the database does not exist", Hint: "is it created by somebody who has not yet done so?"},
		1053: {Text: "the server shuts down"},
		1129: {Text: "the server has blocked this host", Hint: "too many connections were broken off: mysqladmin flush-hosts, and find out whose they were"},
		1130: {Text: "the server does not let this host in", Hint: "create the user for it: 'user'@'%'"},
		1317: {Text: "somebody ended the statement"},
		1927: {Text: "somebody ended the session"},
		3159: {Text: "the server wants TLS", Hint: "ssl-mode=required in the URL"},
	}[e.Number]
	if known.Text == "" {
		known.Text = "the server answers with an error"
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
		return &usererr.Error{Text: "the server has no TLS", Hint: "ssl-mode=preferred in the URL goes without", Err: err}
	case ctx.Err() != nil:
		return &usererr.Error{Text: "the server does not answer in time", Hint: "it is overloaded, or something between drops the packets", Err: err}
	}
	return &usererr.Error{Text: "the connection was cut", Hint: "the server was restarted, or somebody ended the session", Err: err}
}
