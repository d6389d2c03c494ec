package source

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

const accessHint = "give a token that may read it: --bearer-file, HF_TOKEN or HF_TOKEN_PATH"

// A hubPath is a path in a repository that something is requested of.
type hubPath struct {
	*hubRepository
	path string
}

// refusal says what a refusal of the hub means, nil if it has no meaning of its own. The
// hub tells in X-Error-Code
// (https://github.com/huggingface/huggingface_hub/blob/v1.0.0/src/huggingface_hub/utils/_http.py).
func (r hubPath) refusal(resp *http.Response) error {
	if resp.StatusCode < http.StatusBadRequest || credentials.Origin(resp.Request.URL) != credentials.Origin(r.endpoint) {
		return nil
	}
	code, message := resp.Header.Get("X-Error-Code"), resp.Header.Get("X-Error-Message")
	status := resp.StatusCode
	switch {
	case status == http.StatusTooManyRequests:
		return hubThrottled(resp)
	case code == "RevisionNotFound":
		return Permanent(&usererr.Error{
			Text: fmt.Sprintf("the repository %s has no revision %q", r.fullName(), r.name.revision),
			Hint: "Check the branch, the tag or the commit behind the @.",
		})
	case code == "EntryNotFound":
		return Permanent(r.missing(r.path))
	case code == "GatedRepo":
		return Permanent(&usererr.Error{
			Text: fmt.Sprintf("the repository %s is gated: access to it must be requested", r.fullName()),
			Hint: "request access on its page, and " + accessHint,
		})
	case message == "Access to this resource is disabled.":
		return Permanent(&usererr.Error{Text: fmt.Sprintf("the repository %s is disabled", r.fullName())})
	case status == http.StatusUnauthorized && strings.HasPrefix(message, "Invalid credentials"):
		return Permanent(&usererr.Error{Text: "the hub does not accept the token", Hint: accessHint})
	case code == "RepoNotFound", status == http.StatusUnauthorized: // which hides private ones
		return Permanent(&usererr.Error{
			Text: fmt.Sprintf("there is no repository %s, or it is private", r.fullName()),
			Hint: "check the name; if it is private, " + accessHint,
		})
	case status == http.StatusForbidden:
		return Permanent(&usererr.Error{Text: fmt.Sprintf("the hub forbids access to %s (status 403)", r.fullName()), Hint: accessHint})
	default:
		return nil
	}
}

func (r *hubRepository) fullName() string { return r.name.owner + "/" + r.name.repository }

func (r *hubRepository) missing(path string) error {
	kind := "file"
	if r.name.directory && path == r.name.path {
		kind = "directory"
	}
	return &usererr.Error{
		Text: fmt.Sprintf("the repository %s has no %s %q at revision %q", r.fullName(), kind, path, r.name.revision),
		Hint: "Check the path: upper and lower case differ.",
	}
}

// hubThrottled says which quota is used up, and for how long. The hub counts requests of
// several kinds in windows of five minutes (https://huggingface.co/docs/hub/rate-limits):
//
//	RateLimit: "api";r=0;t=55
//	RateLimit-Policy: "fixed window";"api";q=500;w=300
func hubThrottled(resp *http.Response) error {
	text := "answered status 429 (Too Many Requests)"
	state, policy := resp.Header.Get("RateLimit"), resp.Header.Get("RateLimit-Policy")
	if quota, window := parameter(policy, "q"), parameter(policy, "w"); quota > 0 && window > 0 {
		kind := ""
		for _, known := range []string{"api", "resolvers", "pages"} {
			if strings.HasPrefix(state, `"`+known+`"`) {
				kind = " of the kind " + known
			}
		}
		text += fmt.Sprintf(": the quota of %d requests%s in %ds is used up", quota, kind, window)
	}
	after := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if t := parameter(state, "t"); after == 0 && t > 0 {
		after = time.Duration(t) * time.Second
		text += fmt.Sprintf(" for %ds", t)
	}
	return &ThrottleError{&usererr.Error{
		Text: text,
		Hint: "the hub counts the requests of a token, or of an IP address, which many Pods share: give a token, or raise --stall-timeout above the time to wait",
	}, after}
}

// parameter returns a number of a structured header (RFC 9651), zero if it is not there.
func parameter(header, name string) int {
	const bits = 31
	for part := range strings.SplitSeq(header, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok {
			n, _ := strconv.ParseUint(value, 10, bits)
			return int(n)
		}
	}
	return 0
}
