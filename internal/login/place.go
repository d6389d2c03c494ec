package login

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
)

// A Place is a row of a table of places where credentials may be.
type Place struct {
	Name string // for the error where no place has any
	// Find returns nil without an error if there are none in this place.
	Find func(ctx context.Context) (*Found, error)
}

// Look returns the credentials of the first place that has some. The hint is for the error where none has.
func Look(ctx context.Context, places []Place, hint string) (*Found, error) {
	var tried []string
	for _, p := range places {
		c, err := p.Find(ctx)
		if err != nil || c != nil {
			return c, err
		}
		tried = append(tried, p.Name)
	}
	return nil, Final(hint, "no credentials to sign the request with, neither in %s", strings.Join(tried, ", nor in "))
}

// Token reads a bearer token in an answer (RFC 6749, section 5). Of what a server says when it refuses, only known codes are shown:
// the rest may repeat what it was sent.
func (a Answer) Token(who, hint string) (*Found, error) {
	const codes = "invalid_grant invalid_client unauthorized_client invalid_target invalid_request invalid_scope"
	var t struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"` // seconds; as a string too
		Error       string
	}
	err := json.Unmarshal(a.Body, &t)
	if a.Status/100 != 2 {
		if slices.Contains(strings.Fields(codes), t.Error) {
			return nil, Final(hint, "no credentials from %s: it refuses (%s)", who, t.Error)
		}
		return nil, a.Refusal(who, hint)
	}
	seconds, numErr := t.ExpiresIn.Int64()
	if err != nil || numErr != nil || seconds > 1<<31 {
		return nil, NotUnderstood(who)
	}
	return Bearer(who, t.AccessToken, time.Now().Add(time.Duration(seconds)*time.Second))
}

// Bearer returns a token that a server gave. It becomes a header.
func Bearer(who, token string, expires time.Time) (*Found, error) {
	if token == "" || !credentials.IsHeaderValue(token) {
		return nil, NotUnderstood(who)
	}
	return &Found{Credentials: Credentials{Token: token}, Keep: true, Expires: expires}, nil
}
