// Package login keeps what a client proves its identity to a cloud with until shortly before it expires, and asks the servers that
// give it. A [Cache] has it for all requests of a process.
//
// No error holds a secret, nor what a server said.
package login

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// ErrFinal is wrapped by errors that no second try can clear.
var ErrFinal = errors.New("no credentials")

// Final returns an error that no second try can clear.
func Final(hint, format string, args ...any) error {
	return &usererr.Error{Text: fmt.Sprintf(format, args...), Hint: hint, Err: ErrFinal}
}

// Credentials are a key with its secret, or a bearer token, which has neither.
type Credentials struct{ KeyID, Secret, Token string }

// Found are credentials, and for how long they may be kept.
type Found struct {
	Credentials
	Keep    bool      // they are not looked for again for each request
	Expires time.Time // zero: not known
}

// A Cache has the credentials of one identity. It is safe for concurrent use.
type Cache struct {
	find func(ctx context.Context) (*Found, error)
	turn chan struct{} // held by who looks
	now  *Found        // nil: none are kept
	next time.Time     // when to look again

	refused atomic.Pointer[string] // the token of credentials that have expired; nil: none have
}

// NewCache returns a cache of what find returns.
func NewCache(find func(ctx context.Context) (*Found, error)) *Cache {
	return &Cache{find: find, turn: make(chan struct{}, 1)}
}

// Get returns credentials that are valid. One caller at a time looks for new ones. Errors
// that wrap [ErrFinal] stay; others may go away.
func (c *Cache) Get(ctx context.Context) (Credentials, error) {
	if err := c.lock(ctx); err != nil {
		return Credentials{}, err
	}
	defer c.unlock()
	if c.now != nil && c.isRefused() {
		c.now = nil
	}
	now := time.Now()
	if c.now != nil && (c.next.IsZero() || now.Before(c.next)) {
		return c.now.Credentials, nil
	}
	found, err := c.find(ctx)
	if err != nil {
		if c.now != nil && now.Before(c.now.Expires) { // those that there are will do for a while
			const pause = 10 * time.Second
			c.next = now.Add(pause)
			return c.now.Credentials, nil
		}
		return Credentials{}, err
	}
	c.now, c.next = nil, time.Time{}
	if found.Keep {
		c.now, c.next = found, renewal(now, found.Expires)
	}
	return found.Credentials, nil
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

// Expired says that a server refused credentials as expired, by their token: they are not used again.
func (c *Cache) Expired(token string) { c.refused.Store(&token) }

// isRefused reports whether the credentials that are kept were.
func (c *Cache) isRefused() bool {
	token := c.refused.Load()
	return token != nil && *token == c.now.Token
}

func (c *Cache) lock(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Cache) unlock() { <-c.turn }
