package migrate

import (
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/usererr"
)

// A HeldError says who holds the lock, as far as that is known.
type HeldError struct {
	Holder string    // "" if it is not known
	Since  time.Time // zero if it is not known
}

func (e *HeldError) Error() string {
	who := e.Holder
	if who == "" {
		who = "an unknown holder"
	}
	if e.Since.IsZero() {
		return "held by " + who
	}
	return fmt.Sprintf("held by %s since %s", who, e.Since.UTC().Format(time.RFC3339))
}

// A RefusedError is an error that no retry can clear.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// errNotHeld is what a server says of a lock that its session does not have.
var errNotHeld = errors.New("the server says that this session does not hold it")

// A DeadlineError says that a time limit has passed.
type DeadlineError struct {
	Text  string
	Flag  string // of the limit
	Limit time.Duration
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("%s within --%s of %s", e.Text, e.Flag, duration.Format(e.Limit))
}

// A LostError says that the lock was lost while it was needed. The command, if it had
// started, has been terminated.
type LostError struct {
	Lock string // as it may be shown
	Err  error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the lock %s was lost, and the command does not run without it: %v", e.Lock, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// An ExitError is the end of a command, as a shell would give it: its exit code, or 128 plus the signal that ended it.
// Zero is success, which is no error.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("the command ended with exit code %d", e.Code) }

// Unwrap returns what the rest of inith knows the end of a command by.
func (e *ExitError) Unwrap() error { return &subprocess.ExitError{Code: e.Code} }

// Hint returns advice on an error of this package, "" if there is none.
func Hint(err error) string { return usererr.Hint(err) }
