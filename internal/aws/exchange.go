package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/usererr"
)

// errNotDir is that of a path below what is no directory.
const errNotDir = syscall.ENOTDIR

// An answer is one of a server of credentials.
type answer struct {
	status int
	body   []byte
}

// exchange sends a request within a time, and returns the beginning of the answer. No redirect is followed: it
// would show a token to others.
func exchange(req *http.Request, by http.RoundTripper, wait time.Duration) (answer, error) {
	const longest = 64 << 10
	ctx, cancel := context.WithTimeout(req.Context(), wait)
	defer cancel()
	resp, err := by.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	return answer{resp.StatusCode, body}, err
}

// refusal is the error for an answer without credentials. An error of the server itself may be temporary.
func (a answer) refusal(who, hint string) error {
	text := fmt.Sprintf("no credentials from %s: it answered status %d", who, a.status)
	if a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests {
		return &usererr.Error{Text: text}
	}
	return final(hint, "%s", text)
}

func notUnderstood(who string) error {
	return final("is there a proxy between, or another server?", "the answer of %s is not understood", who)
}

// readJSON reads the answer of an agent, or of an instance.
func (a answer) readJSON(who string) (*found, error) {
	var c struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string
	}
	if json.Unmarshal(a.body, &c) != nil {
		return nil, notUnderstood(who)
	}
	return served(who, sigv4.Credentials{KeyID: c.AccessKeyID, Secret: c.SecretAccessKey, Token: c.Token}, c.Expiration)
}

// served returns credentials that a server gave.
func served(who string, c sigv4.Credentials, expiration string) (*found, error) {
	f := &found{Credentials: c, keep: true}
	if expiration != "" {
		var err error
		if f.expires, err = time.Parse(time.RFC3339, expiration); err != nil {
			return nil, notUnderstood(who)
		}
	}
	return checked(who, f)
}

// direct returns the transport to servers of this node: no proxy is between.
func direct() *http.Transport {
	const wait = 2 * time.Second
	return &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: wait, MaxResponseHeaderBytes: 64 << 10}
}
