package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// explain returns what the error of an attempt means. The attempt had limit for it.
func explain(ctx context.Context, err error, t Trace, limit time.Duration) error {
	if r, ok := errors.AsType[*usererr.Error](err); ok && r != nil {
		return err
	}
	if expired(ctx) {
		<-ctx.Done() // its timer is a moment behind the clock
		if over, ok := errors.AsType[*attemptOverError](context.Cause(ctx)); ok {
			limit = over.limit
		}
		return tooSlow(t, limit, err)
	}
	if r := usererr.Connection(err); r != nil {
		return r
	}
	return explainEnd(err, t)
}

// An attemptOverError is the cause of an attempt's context whose time is over. It
// knows the time that was given, of which starting has used a part.
type attemptOverError struct{ limit time.Duration }

func (*attemptOverError) Error() string { return "the attempt's time is over" }

// withLimit ends an attempt after limit.
func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, &attemptOverError{limit})
}

// tooSlow says what an attempt was doing when its time was over. The text holds
// the limit, not a measurement, so that it is the same each time.
func tooSlow(t Trace, limit time.Duration, err error) *usererr.Error {
	limit = limit.Round(time.Millisecond)
	switch {
	case len(t.Addresses) == 0:
		return &usererr.Error{
			Text: fmt.Sprintf("name not resolved within %v", limit),
			Hint: "check that the cluster's DNS is reachable: a NetworkPolicy must allow port 53", Err: err,
		}
	case !t.Accepted:
		return &usererr.Error{
			Text: fmt.Sprintf("no answer to the connection within %v", limit),
			Hint: "check the address, and whether a NetworkPolicy or firewall drops the packets", Err: err,
		}
	case t.unansweredHello():
		return &usererr.Error{Text: fmt.Sprintf("no answer to the TLS handshake within %v", limit), Hint: helloHint(t), Err: err}
	case !t.Answered:
		return &usererr.Error{
			Text: fmt.Sprintf("accepted the connection, then sent nothing for %v", limit),
			Hint: "the server hangs, a proxy waits for its backend, or this port serves another protocol", Err: err,
		}
	default:
		return &usererr.Error{Text: fmt.Sprintf("did not finish its answer within %v", limit), Hint: "the server is overloaded or hangs", Err: err}
	}
}

func helloHint(t Trace) string {
	if t.small {
		return "the server hangs, or this port serves no TLS; a handshake with ML-KEM had no answer either"
	}
	return "the server hangs, this port serves no TLS, or a middlebox drops large packets: the next handshake is a small one, without ML-KEM"
}

// errUnanswered is wrapped by errors of a connection that was accepted and closed, with nothing between.
var errUnanswered = errors.New("unanswered")

// explainEnd explains how a connection ended, or that the answer was not understood.
func explainEnd(err error, t Trace) *usererr.Error {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errAttemptOver)
	switch {
	case t.Accepted && t.unansweredHello():
		return &usererr.Error{Text: "closed the connection during the TLS handshake, without an answer", Hint: helloHint(t), Err: errors.Join(errUnanswered, err)}
	case t.Accepted && !t.Answered:
		return &usererr.Error{
			Text: "accepted the connection and closed it without an answer",
			Hint: "a proxy without a backend does that, and so does a port that serves another protocol or TLS",
			Err:  errors.Join(errUnanswered, err),
		}
	case ended:
		return &usererr.Error{Text: "closed the connection in the middle of its answer", Err: err}
	default:
		// The text of err may quote the answer, and an answer what was sent.
		return &usererr.Error{Text: "answer not understood", Hint: "check that this port serves this protocol", Err: err}
	}
}

// String describes an attempt in one line, such as "dialed 10.0.0.7:443,
// port accepted, TLS verified".
func (t Trace) String() string {
	var parts []string
	if len(t.Addresses) > 0 {
		parts = append(parts, "dialed "+strings.Join(t.Addresses, ", "))
	} else {
		parts = append(parts, "no address dialed")
	}
	switch {
	case t.Accepted:
		parts = append(parts, "port accepted")
	case len(t.Addresses) > 0:
		parts = append(parts, "port not open")
	}
	switch {
	case t.Verified:
		parts = append(parts, "TLS verified")
	case t.TLS:
		parts = append(parts, "TLS with an unverified certificate")
	}
	if t.small {
		parts = append(parts, "handshake without ML-KEM")
	}
	if t.Accepted && !t.Answered {
		parts = append(parts, "no answer")
	}
	return strings.Join(parts, ", ")
}
