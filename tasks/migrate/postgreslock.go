package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A postgresLock is held by the connection of its locker.
type postgresLock struct{ *postgres }

// Check asks the server, which is also what keeps the connection alive.
func (l *postgresLock) Check(ctx context.Context) error {
	rows, err := l.query(ctx, "SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid() AND "+where(l.key))
	if err != nil {
		return err
	}
	if one(rows) != "1" {
		return errNotHeld
	}
	if l.witness != nil {
		l.renewWitness(ctx)
	}
	return nil
}

// Orphans counts the sessions that commands of earlier holders have left, if they
// took the name of their environment: those at work, and those that were within
// the time that a holder that lost its lock has to end its command. Behind a pooler
// an idle session says nothing: it keeps the name of its last client. The witness of
// an earlier holder counts too; once there is none, we have one.
func (l *postgresLock) Orphans(ctx context.Context, within time.Duration) (int, error) {
	alive := "state <> 'idle'"
	if !l.pooled && within > 0 {
		alive = fmt.Sprintf("(state <> 'idle' OR state_change > clock_timestamp() - interval '%d ms')", within.Milliseconds())
	}
	if l.pooled { // in a transaction, pg_stat_activity is as it was at the first look
		if _, err := l.query(ctx, "SELECT pg_stat_clear_snapshot()"); err != nil {
			return 0, err
		}
	}
	rows, err := l.query(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"+
		" AND application_name LIKE "+quote(l.commandName()+"@%")+" AND "+alive)
	if err != nil {
		return 0, err
	}
	n := 0
	if _, err := fmt.Sscan(one(rows), &n); err != nil {
		return 0, err
	}
	witnesses, err := l.otherWitnesses(ctx)
	if err == nil && n+witnesses == 0 {
		l.bearWitness(ctx)
	}
	return n + witnesses, err
}

// Bind names the sessions of libpq and all that reads its variables, and has the
// server look whether the command is still there while a statement runs.
func (l *postgresLock) Bind(c Command) Command {
	c.Env = l.environment(slices.Clone(c.Env))
	return c
}

func (l *postgresLock) environment(env []string) []string {
	if _, ok := lookup(env, "PGAPPNAME"); !ok {
		env = append(env, "PGAPPNAME="+l.application(commandPrefix))
	}
	const option = "client_connection_check_interval"
	options, ok := lookup(env, "PGOPTIONS")
	if l.pooled || strings.Contains(options, option) {
		return env // a pooler may refuse options
	}
	if ok {
		env = slices.DeleteFunc(env, func(pair string) bool { return strings.HasPrefix(pair, "PGOPTIONS=") })
	}
	return append(env, "PGOPTIONS="+strings.TrimSpace(options+" -c "+option+"=5s"))
}

func lookup(env []string, name string) (value string, ok bool) {
	for _, pair := range env {
		if v, found := strings.CutPrefix(pair, name+"="); found {
			value, ok = v, true
		}
	}
	return value, ok
}

// Release ends the transaction or unlocks. The connection ends too.
func (l *postgresLock) Release(ctx context.Context) error {
	defer l.Close(ctx)
	l.closeWitness(ctx) // first: a successor must not see it
	sql := fmt.Sprintf("SELECT pg_advisory_unlock(%d)", l.key)
	if l.pooled {
		sql = "COMMIT"
	}
	_, err := l.query(ctx, sql)
	return err
}
