// Package aws finds the credentials by which requests to Amazon's services, and to those with their API, are signed: in the
// places where Amazon's own programs look, in their order. A [Login] keeps them until shortly before they expire.
//
// No error holds a secret, nor what a server said.
package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/usererr"
)

// Places are where credentials are looked for, in the order of the fields. A field that is empty is not set.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
type Places struct {
	KeyID, Secret, Token string

	WebIdentityTokenFile string // of a token of the cluster, for which STS gives credentials
	RoleARN              string
	RoleSessionName      string
	STSEndpoint          string // a URL; "": Amazon's, of the region

	Profile         string // "": default, which need not exist
	CredentialsFile string // "": .aws/credentials in Home, if that exists
	ConfigFile      string // "": .aws/config in Home, if that exists
	Home            string // "": there is none

	ContainerURI       string // of an agent, such as EKS Pod Identity's
	ContainerPath      string // at the agent of ECS
	ContainerToken     string // for the agent
	ContainerTokenFile string // of that token, read each time; instead of ContainerToken

	MetadataEndpoint string // a URL; "": that of EC2
	NoMetadata       bool   // the instance is not asked
}

// ErrFinal is wrapped by errors that no second try can clear.
var ErrFinal = errors.New("no credentials")

// final returns an error that no second try can clear.
func final(hint, format string, args ...any) error {
	return &usererr.Error{Text: fmt.Sprintf(format, args...), Hint: hint, Err: ErrFinal}
}

// found are credentials, and for how long they may be kept.
type found struct {
	sigv4.Credentials
	keep    bool      // they are not read again for each request
	expires time.Time // zero: not known
}

// A place is a row of the table of places.
type place struct {
	name string // for the error where no place has credentials
	// find returns nil without an error if there are none in this place.
	find func(ctx context.Context) (*found, error)
}

func (l *Login) places() []place {
	return []place{
		{"the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", l.inEnvironment},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", l.byWebIdentity},
		{"the profile " + l.profileName() + " of the shared files", l.inProfile},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI", l.ofContainer},
		{"the metadata of the instance", l.ofInstance},
	}
}

// find looks for credentials.
func (l *Login) find(ctx context.Context) (*found, error) {
	var tried []string
	for _, p := range l.places() {
		c, err := p.find(ctx)
		if err != nil || c != nil {
			return c, err
		}
		tried = append(tried, p.name)
	}
	return nil, final(
		"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the Pod a service account with a role. For a public bucket, --no-sign-request.",
		"no credentials to sign the request with, neither in %s", strings.Join(tried, ", nor in "))
}

func (l *Login) inEnvironment(context.Context) (*found, error) {
	if l.KeyID == "" && l.Secret == "" {
		return nil, nil //nolint:nilnil // not here
	}
	if l.KeyID == "" || l.Secret == "" {
		return nil, final("", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other")
	}
	return checked("the environment", &found{Credentials: sigv4.Credentials{KeyID: l.KeyID, Secret: l.Secret, Token: l.Token}})
}

// checked refuses what a header cannot have.
func checked(where string, c *found) (*found, error) {
	if c.KeyID == "" || c.Secret == "" {
		return nil, final("", "the credentials of %s lack the ID of a key, or its secret", where)
	}
	if !credentials.IsHeaderValue(c.KeyID + c.Secret + c.Token) {
		return nil, final("", "the credentials of %s have a line break or another control character in them", where)
	}
	return c, nil
}

// A Login has the credentials of one identity. It is safe for concurrent use.
type Login struct {
	Places
	region string            // of STS
	public http.RoundTripper // reaches STS
	turn   chan struct{}     // held by who looks
	now    *found            // nil: none are kept
	next   time.Time         // when to look again

	refused atomic.Pointer[string] // the token of credentials that have expired; nil: none have
}

// NewLogin returns a login. Requests to STS, in a region, go through public.
func NewLogin(p Places, region string, public http.RoundTripper) *Login {
	return &Login{Places: p, region: region, public: public, turn: make(chan struct{}, 1)}
}

// Get returns credentials that are valid. One caller at a time looks for new ones. Errors
// that wrap [ErrFinal] stay; others may go away.
func (l *Login) Get(ctx context.Context) (sigv4.Credentials, error) {
	if err := l.lock(ctx); err != nil {
		return sigv4.Credentials{}, err
	}
	defer l.unlock()
	if l.now != nil && l.isRefused() {
		l.now = nil
	}
	now := time.Now()
	if l.now != nil && (l.next.IsZero() || now.Before(l.next)) {
		return l.now.Credentials, nil
	}
	c, err := l.find(ctx)
	if err != nil {
		if l.now != nil && now.Before(l.now.expires) { // those that there are will do for a while
			const pause = 10 * time.Second
			l.next = now.Add(pause)
			return l.now.Credentials, nil
		}
		return sigv4.Credentials{}, err
	}
	l.now, l.next = nil, time.Time{}
	if c.keep {
		l.now, l.next = c, renewal(now, c.expires)
	}
	return c.Credentials, nil
}

// renewal returns when to look again: some minutes before they expire, which a server of
// credentials may not have new ones for yet.
func renewal(now, expires time.Time) time.Time {
	const early = 5 * time.Minute
	if expires.IsZero() {
		return time.Time{}
	}
	left := expires.Sub(now)
	return now.Add(max(left-early, left/2))
}

// Expired says that a server refused credentials as expired, by the token of their session: they are not used again.
func (l *Login) Expired(token string) { l.refused.Store(&token) }

// isRefused reports whether the credentials that are kept were.
func (l *Login) isRefused() bool {
	token := l.refused.Load()
	return token != nil && *token == l.now.Token
}

func (l *Login) lock(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *Login) unlock() { <-l.turn }
