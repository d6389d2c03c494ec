package source

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

// refusal says what a refusal of the registry means, nil if it has no meaning of its own. Of what the registry says, only known
// codes are used (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes). What is the matter with
// the storage that it redirects to is said by the status alone.
func (r *ociRepository) refusal(resp *http.Response) error {
	status := resp.StatusCode
	if status < http.StatusBadRequest || credentials.Origin(resp.Request.URL) != credentials.Origin(r.endpoint) {
		return nil
	}
	switch status {
	case http.StatusBadRequest:
		if r.endpoint.Scheme == "http" {
			return Permanent(&usererr.Error{
				Text: "answered status 400 (Bad Request) over plain HTTP", Hint: "If this registry has TLS, add plain-http=false to the query of the URL.",
			})
		}
		return nil
	case http.StatusUnauthorized:
		return r.login.refused(resp)
	case http.StatusTooManyRequests:
		return ociThrottled(resp)
	case http.StatusForbidden:
		return Permanent(&usererr.Error{Text: "the registry denies access to " + r.name.String() + " (status 403)", Hint: ociAccessHint})
	case http.StatusNotFound:
		return Permanent(r.notFound(resp))
	default:
		return nil
	}
}

// notFound says what is missing.
func (r *ociRepository) notFound(resp *http.Response) error {
	codes := ociCodes(resp)
	_, blob, isBlob := strings.Cut(resp.Request.URL.Path, "/blobs/")
	repository := r.name.host + "/" + r.name.repository
	switch {
	case isBlob:
		return &usererr.Error{
			Text: fmt.Sprintf("the registry no longer has the blob %s of %s", blob, r.name.String()),
			Hint: "Push the image or artifact again: a clean-up of the registry removed a part of it.",
		}
	case slices.Contains(codes, "NAME_UNKNOWN"):
		return &usererr.Error{
			Text: "there is no repository " + repository + ", or it is private",
			Hint: "Check the name. If it is private: " + ociAccessHint,
		}
	case r.name.digest != (Digest{}):
		return &usererr.Error{Text: "the repository " + repository + " has no manifest with the digest " + r.name.digest.String(), Hint: "Check the digest behind the @."}
	default:
		return &usererr.Error{Text: fmt.Sprintf("the repository %s has no tag %q", repository, r.name.tag), Hint: "Check the repository and the tag."}
	}
}

// ociCodes returns the codes in the body of a refusal.
func ociCodes(resp *http.Response) []string {
	const most = 64 << 10 // bytes
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	var said struct{ Errors []struct{ Code string } }
	if err != nil || json.Unmarshal(b, &said) != nil {
		return nil
	}
	var codes []string
	for _, e := range said.Errors {
		codes = append(codes, e.Code)
	}
	return codes
}

// ociThrottled says which quota is used up, if the registry does, as Docker Hub
// (https://docs.docker.com/docker-hub/usage/pulls/):
//
//	RateLimit-Limit: 100;w=21600
//	RateLimit-Remaining: 0;w=21600
func ociThrottled(resp *http.Response) error {
	text := "answered status 429 (Too Many Requests)"
	limit := resp.Header.Get("RateLimit-Limit")
	quota, _, _ := strings.Cut(limit, ";")
	const bits = 31
	if n, err := strconv.ParseUint(quota, 10, bits); err == nil {
		text += fmt.Sprintf(": the quota of %d pulls", n)
		if window := parameter(limit, "w"); window > 0 {
			text += fmt.Sprintf(" in %ds", window)
		}
		text += " is used up"
	}
	return &ThrottleError{&usererr.Error{
		Text: text,
		Hint: "The registry counts an account, or an IP address, which many Pods share: give credentials (--registry-config), or use a mirror of the registry.",
	}, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}
