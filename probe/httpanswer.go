package probe

import (
	"fmt"
	"io"
	nethttp "net/http"

	"github.com/inith/inith/internal/usererr"
)

const maxBody = 1 << 20 // bytes that the body pattern is matched against

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
	return h.spec.url.User != nil || h.headerFile != ""
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
	if h.body == nil {
		return nil // it may be a stream
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return err
	}
	if !h.body.Match(body) {
		return &usererr.Error{Text: fmt.Sprintf("answered status %d, but the body (%d bytes) does not match", resp.StatusCode, len(body))}
	}
	return nil
}
