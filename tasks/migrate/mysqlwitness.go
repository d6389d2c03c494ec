package migrate

import (
	"context"
	"fmt"

	"github.com/inith/inith/internal/usererr"
)

// A holder has a second session, its witness, as with PostgreSQL: see postgreswitness.go.

// witnessLock is the name of the lock of a witness.
func (l *mySQL) witnessLock() string {
	return fmt.Sprintf("inith:witness:%016x", uint64(lockKey(l.key, "witness"))) //nolint:gosec // bits
}

// otherWitnesses counts that of another holder.
func (l *mySQLLock) otherWitnesses(ctx context.Context) (int, error) {
	if l.witness != nil {
		return 0, nil // only one has the lock
	}
	holder, err := l.value(ctx, "IS_USED_LOCK("+quote(l.witnessLock())+")")
	if err != nil || holder == "" {
		return 0, err
	}
	return 1, nil
}

// bearWitness opens the witness. Without it, the lock is as good as the session that holds it.
func (l *mySQLLock) bearWitness(ctx context.Context) {
	if l.witness != nil {
		return
	}
	session, err := l.open(ctx)
	if err == nil {
		l.witness = session
		_, err = l.ask(ctx, session, "SELECT GET_LOCK("+quote(l.witnessLock())+", 0)")
	}
	if err != nil {
		l.closeWitness()
		l.log.WarnContext(ctx, "no second session: if that of the lock is terminated, a successor does not see that this command still runs",
			"err", err, "hint", usererr.Hint(err))
	}
}

// renewWitness opens the witness again if it was terminated.
func (l *mySQLLock) renewWitness(ctx context.Context) {
	if _, err := l.ask(ctx, l.witness, "SELECT 1"); err != nil {
		l.closeWitness()
		l.bearWitness(ctx)
	}
}

func (l *mySQL) closeWitness() {
	if l.witness != nil {
		l.witness.Close()
		l.witness = nil
	}
}
