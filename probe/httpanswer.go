package probe

import (
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"regexp"

	"github.com/inith/inith/internal/usererr"
)

const (
	maxBody   = 1 << 20 // bytes that the body pattern is matched against
	maxLooked = 16 << 20
)

// judge decides on an answer.
func (h *http) judge(resp *nethttp.Response) error {
	refused := resp.StatusCode == nethttp.StatusUnauthorized || resp.StatusCode == nethttp.StatusForbidden
	switch {
	case h.spec.level == LevelProto:
		return nil
	case h.spec.level == LevelAuth && refused:
		return Rejected(statusReason(resp, "credentials refused"))
	case h.spec.level == LevelAuth:
		return nil
	case !h.status.has(resp.StatusCode) && refused && h.hasCredentials():
		return Rejected(statusReason(resp, "credentials refused"))
	case !h.status.has(resp.StatusCode):
		return statusReason(resp, "want "+h.status.String())
	default:
		return h.judgeBody(resp)
	}
}

func (h *http) hasCredentials() bool {
	return h.spec.url.User != nil || h.headerFile != "" || h.passwordFile != ""
}

// refused returns what a refusal means at a kind without level auth: without credentials of ours, that the server is up.
func (h *http) refused(err error) error {
	switch {
	case h.hasCredentials():
		return Rejected(err)
	case h.spec.level > LevelProto:
		return err
	default:
		return nil
	}
}

func statusReason(resp *nethttp.Response, what string) *usererr.Error {
	r := &usererr.Error{Text: fmt.Sprintf("answered status %d, %s", resp.StatusCode, what)}
	switch resp.StatusCode {
	case nethttp.StatusNotFound:
		r.Hint = "check the path"
	case nethttp.StatusUnauthorized, nethttp.StatusForbidden:
		r.Hint = "pass credentials with #header-file=, or with user@host and #password-file="
	case nethttp.StatusServiceUnavailable, nethttp.StatusBadGateway, nethttp.StatusGatewayTimeout:
		r.Hint = "the server is not ready, or a proxy has no ready backend"
	}
	return r
}

func (h *http) judgeBody(resp *nethttp.Response) error {
	if h.json != nil {
		return judgeJSON(h.json, h.body, resp.StatusCode, resp.Body)
	}
	if h.body == nil {
		return nil // it may be a stream
	}
	matched, size, err := matches(h.body, io.LimitReader(resp.Body, maxBody))
	if err != nil || matched {
		return err
	}
	return noMatch(resp.StatusCode, size)
}

func noMatch(status, size int) error {
	return &usererr.Error{Text: fmt.Sprintf("answered status %d, but the body (%d bytes) does not match", status, size)}
}

// matches reports whether a pattern matches what r begins with: a stream may never end. It
// looks after each read, until that has cost maxLooked bytes, then only when much has come.
func matches(pattern *regexp.Regexp, r io.Reader) (matched bool, size int, err error) {
	var body []byte
	part := make([]byte, 16<<10)
	for looked, next := 0, 0; ; {
		n, err := r.Read(part)
		body = append(body, part[:n]...)
		ended := errors.Is(err, io.EOF)
		if ended || looked < maxLooked || len(body) >= next {
			looked += len(body)
			next = len(body) + len(body)/8
			if pattern.Match(body) {
				return true, len(body), nil
			}
		}
		switch {
		case ended:
			return false, len(body), nil
		case err != nil:
			return false, len(body), err
		}
	}
}
