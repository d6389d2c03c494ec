// Package probe checks whether a dependency (a port, a web service, a database,
// a cache) is ready to serve, once or until it is.
//
// [Open] makes a [Target] of a URL, whose scheme selects the kind: see [Kinds].
// [Waiter.Wait] blocks until all of several targets are ready.
//
// URLs carry passwords: no name and no error of this package contains a part of
// one that may be secret, nor what a server was sent.
package probe

import (
	"context"
	"errors"

	"github.com/inith/inith/internal/usererr"
)

// A Prober makes readiness attempts against one dependency. It is used by one
// goroutine at a time.
type Prober interface {
	// Probe returns nil if the dependency is ready now.
	//
	// It opens its connections through the [Dialer] it was made with, so
	// that they end with the attempt even if a driver ignores ctx. An error
	// that no retry can clear is marked by [Permanent]; refused credentials
	// are marked by [Rejected]. Any other error means: not yet. The text of an
	// error is shown only if [NotYet] made it.
	Probe(ctx context.Context) error
}

// A Watcher is a [Prober] that notices by itself when its dependency changes.
type Watcher interface {
	// Watch returns nil when the next attempt may have another result than the last one, or when ctx is done. It returns
	// an error if it cannot know: then the next attempt follows after a pause, as for other probers. It closes what it
	// opens before it returns.
	Watch(ctx context.Context) error
}

// NotYet returns an error of a [Prober] that says why the dependency is not ready, and what
// to do about that, "" if there is nothing to say. What other errors say is not shown, since
// it may quote what a server was sent.
func NotYet(text, hint string) error { return &usererr.Error{Text: text, Hint: hint} }

// A PermanentError is an error that no retry can clear.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent marks err as one that no retry can clear.
func Permanent(err error) error { return &PermanentError{Err: err} }

// A RejectedError means that the dependency is up and refused our credentials.
// It may be cured (a password is being rotated) but must not be provoked often:
// servers lock accounts.
type RejectedError struct{ Err error }

func (e *RejectedError) Error() string { return e.Err.Error() }
func (e *RejectedError) Unwrap() error { return e.Err }

// Rejected marks err as a refusal of our credentials.
func Rejected(err error) error { return &RejectedError{Err: err} }

// Hint returns advice on err, "" if there is none.
func Hint(err error) string { return usererr.Hint(err) }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}

func isRejected(err error) bool {
	_, ok := errors.AsType[*RejectedError](err)
	return ok
}
