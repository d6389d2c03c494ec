package migrate

import (
	"context"
	"fmt"

	"github.com/inith/inith/internal/usererr"
)

// A holder has a second session, its witness, which has a lock of its own. If the session of the lock is terminated, a
// successor gets the lock at once, while the holder notices within a beat or two and has a command to end that may have no
// session of its own at this moment. The witness lives until that has ended, and the successor waits for it.
//
// Through a pooler there is none: an idle session there says nothing.

// witnessKey is the number of the lock of a witness.
func (l *postgres) witnessKey() int64 { return lockKey(fmt.Sprint(l.key), "witness") }

// otherWitnesses counts those of other holders.
func (l *postgresLock) otherWitnesses(ctx context.Context) (n int, err error) {
	if l.pooled {
		return 0, nil
	}
	sql := "SELECT count(*) FROM pg_locks l WHERE " + where(l.witnessKey())
	if l.witness != nil {
		sql += fmt.Sprintf(" AND l.pid <> %d", l.witness.PID())
	}
	rows, err := l.query(ctx, sql)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(one(rows), &n)
	return n, err
}

// bearWitness opens the witness. Without it, the lock is as good as the session that holds it.
func (l *postgresLock) bearWitness(ctx context.Context) {
	if l.pooled || l.witness != nil {
		return
	}
	conn, err := l.open(ctx)
	if err == nil {
		l.witness = conn
		err = l.prepare(ctx, conn)
	}
	if err == nil {
		_, err = exec(ctx, conn, fmt.Sprintf("SELECT pg_try_advisory_lock(%d)", l.witnessKey()))
	}
	if err != nil {
		l.closeWitness(ctx)
		l.log.WarnContext(ctx, "no second session: if that of the lock is terminated, a successor does not see that this command still runs",
			"err", err, "hint", usererr.Hint(err))
	}
}

// renewWitness opens the witness again if it was terminated.
func (l *postgresLock) renewWitness(ctx context.Context) {
	if _, err := exec(ctx, l.witness, "SELECT 1"); err != nil {
		l.closeWitness(ctx)
		l.bearWitness(ctx)
	}
}

func (l *postgres) closeWitness(ctx context.Context) {
	closeSession(ctx, l.witness)
	l.witness = nil
}
