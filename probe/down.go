package probe

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/inith/inith/internal/usererr"
)

// errAbsent is wrapped by errors that mean that what a target looks for does not exist.
var errAbsent = errors.New("absent")

// errElsewhere is wrapped by errors of a server that knows the target, and is not it: they say nothing about the target.
var errElsewhere = errors.New("elsewhere")

// down turns the outcome of an attempt around: it returns nil if nothing answered. An error that does not show this, such
// as a CA file that cannot be read or a name server that does not answer, remains an error.
func down(ctx context.Context, err error, t Trace) error {
	switch {
	case err == nil:
		return NotYet("still ready", "")
	case errors.Is(err, errAbsent):
		return nil
	case errors.Is(err, errElsewhere):
		return err
	case isRejected(err): // which has the next attempts wait, since servers lock accounts
		return Rejected(stillUp(err))
	case t.Answered, t.Accepted && !errors.Is(err, errUnanswered):
		return stillUp(err)
	case isPermanent(err):
		return err
	case t.Accepted, nobodyThere(ctx, err, t):
		return nil
	}
	return err
}

// stillUp is err without its hint, which says how to make the target ready.
func stillUp(err error) error { return &usererr.Error{Text: err.Error(), Err: err} }

// nobodyThere reports whether an attempt that reached no server shows that there is none.
func nobodyThere(ctx context.Context, err error, t Trace) bool {
	for _, absent := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ETIMEDOUT} {
		if errors.Is(err, absent) {
			return true
		}
	}
	if isUnknownName(err) {
		return true
	}
	op, dialed := errors.AsType[*net.OpError](err)
	if dialed && op.Net == "unix" {
		return errors.Is(err, syscall.ENOENT)
	}
	return len(t.Addresses) > 0 && ctx.Err() != nil // packets are dropped, as after the end of a Pod
}
