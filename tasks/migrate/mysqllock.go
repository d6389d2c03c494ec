package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/usererr"
)

// A mySQLLock is held by the connection of its locker.
type mySQLLock struct{ *mySQL }

// Check asks the server, which is also what keeps the connection alive.
func (l *mySQLLock) Check(ctx context.Context) error {
	mine, err := l.value(ctx, "IS_USED_LOCK("+quote(l.key)+") = CONNECTION_ID()")
	if err == nil && mine != "1" {
		err = errNotHeld
	}
	if err == nil && l.witness != nil {
		l.renewWitness(ctx)
	}
	return err
}

// Orphans counts the sessions that the command of the holder before us has left, and
// its witness. Once there is none, we have one.
func (l *mySQLLock) Orphans(ctx context.Context, within time.Duration) (int, error) {
	left, err := l.leftBehind(ctx, within)
	if err != nil {
		return 0, err
	}
	witnesses, err := l.otherWitnesses(ctx)
	if err == nil && left+witnesses == 0 {
		l.bearWitness(ctx)
	}
	return left + witnesses, err
}

// leftBehind counts the sessions of the same user, in the same database, that come from
// the address of the holder before us: the server does not see that a client is gone
// before it answers it. Sessions of inith itself have a lock each that says so.
func (l *mySQLLock) leftBehind(ctx context.Context, within time.Duration) (n int, err error) {
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
	_, err = fmt.Sscan(count, &n)
	return n, err
}

// Bind leaves the command as it is: MySQL has no variables for what names a session.
func (*mySQLLock) Bind(c Command) Command { return c }

// Release unlocks. The connection ends too.
func (l *mySQLLock) Release(ctx context.Context) error {
	defer l.Close(ctx)
	l.closeWitness() // first: a successor must not see it
	_, err := l.value(ctx, "RELEASE_LOCK("+quote(l.key)+")")
	return err
}

// explainMySQL says why the server could not be asked. Refused credentials, and a server that blocks this host, do not
// change by waiting.
func explainMySQL(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*mysqlclient.Error](err); ok {
		switch e.Number {
		case 1044, 1045, 1129, 1130, 1698, 3118, 3159:
			return &RefusedError{Err: e}
		}
		return e
	}
	return explainConnection(ctx, err)
}

// explainConnection says what happened to a connection.
func explainConnection(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*usererr.Error](err); ok {
		return known
	}
	if r := usererr.Connection(err); r != nil {
		return r
	}
	if ctx.Err() != nil {
		return &usererr.Error{Text: "the server did not answer in time", Hint: "it is overloaded, or something in between drops the packets", Err: err}
	}
	return &usererr.Error{Text: "the connection was cut", Hint: "the server was restarted, or the session was killed", Err: err}
}
