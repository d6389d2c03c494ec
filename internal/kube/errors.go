package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/inith/inith/internal/usererr"
)

// A StatusError is an answer that is no success.
type StatusError struct {
	Status   int
	Verb     string // as in a Role: get, create, update
	Resource Resource

	user bool // the account is that of a kubeconfig file, not of a Pod
}

func (e *StatusError) account() string {
	if e.user {
		return "the user of the kubeconfig file"
	}
	return "the Pod's service account"
}

// reads reports whether the request had no object.
func (e *StatusError) reads() bool { return slices.Contains([]string{"get", "list", "watch"}, e.Verb) }

// Error says what the status means for a Pod.
func (e *StatusError) Error() string {
	switch e.Status {
	case http.StatusUnauthorized:
		if e.user {
			return "the API server does not accept " + e.account() + " (status 401)"
		}
		return "the API server does not accept the token (status 401)"
	case http.StatusForbidden:
		return fmt.Sprintf("%s may not %s %s (status 403)", e.account(), e.Verb, e.Resource.Plural)
	case http.StatusTooManyRequests:
		return "the API server is overloaded (status 429)"
	case http.StatusNotFound:
		return "not found (status 404)"
	case http.StatusGone:
		return "the version is too old to watch from (status 410)"
	case http.StatusConflict:
		return "another client has changed it (status 409)"
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		if e.reads() {
			return fmt.Sprintf("the API server does not accept the request (status %d)", e.Status)
		}
		return fmt.Sprintf("the API server does not accept the object (status %d)", e.Status)
	}
	return fmt.Sprintf("the API server answers with status %d", e.Status)
}

// Advice returns the hint. [usererr.Hint] finds it.
func (e *StatusError) Advice() string {
	switch e.Status {
	case http.StatusUnauthorized:
		if e.user {
			return "log in again, and check it: kubectl auth whoami"
		}
		return "check whether the service account was recreated after the Pod"
	case http.StatusForbidden:
		command := "inith rbac"
		if e.Resource.Plural == "events" && !e.reads() {
			command += " --events"
		}
		return fmt.Sprintf("bind a Role to it that allows %s on %s of %s; %s prints one",
			e.Verb, e.Resource.Plural, cmp.Or(e.Resource.Group, "the core group"), command)
	}
	return ""
}

// Permanent reports whether no retry can clear the error.
func (e *StatusError) Permanent() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusBadRequest:
		return true
	}
	return false
}

// IsStatus reports whether err is an answer with the status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*StatusError](err)
	return ok && e.Status == status
}

// noToken says what to do about a file of the service account that cannot be read.
func noToken(err error) error {
	return &usererr.Error{
		Text: err.Error(), Err: err,
		Hint: "mount a token of the service account: check automountServiceAccountToken, or the projected volume and #token-file=",
	}
}

// explain says why there is no answer.
func explain(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*usererr.Error](err); ok { // a file of the service account
		return known
	}
	if r := usererr.Connection(err); r != nil {
		return r
	}
	if ctx.Err() != nil {
		return &usererr.Error{
			Text: "the API server did not answer in time",
			Hint: "it is overloaded, or a NetworkPolicy blocks this Pod", Err: err,
		}
	}
	return &usererr.Error{Text: "the API server's answer was cut off or is invalid", Err: err}
}
