package source

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
)

// refusal says what a refusal of Google's store means, nil if it has no meaning of its own. Of what the server says nothing is
// shown but known codes.
// https://cloud.google.com/storage/docs/xml-api/reference-status
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func (b *gsBucket) refusal(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusPreconditionFailed:
		return ErrChanged
	case !isRefusal(status):
		return nil
	}
	said, err := readRefusal(resp)
	if err != nil {
		return err
	}
	code, shown := bucket.Element(said, "Code"), ""
	text, hint := "not as Google Cloud Storage does", "Check the endpoint, the bucket and the generation."
	switch {
	case strings.Contains(said, "ateLimitExceeded"): // with userR and r
		return &ThrottleError{refused(status, "", "the server wants fewer requests", ""), retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case status == http.StatusUnauthorized && b.login != nil:
		return denied(resp, b.login, "Check that the credentials are of Google Cloud, and not revoked.")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		text, hint = "access is denied", b.accessHint()
	case status == http.StatusBadRequest && (code == "UserProjectMissing" || strings.Contains(said, "requester pays")):
		text, hint = "the requester pays for this bucket", "Name the project that pays, as in gs://bucket/object?userProject=my-project."
	case code == "NoSuchBucket", status == http.StatusNotFound && resp.Request.URL.Query().Has("fields"): // of a listing
		shown, text, hint = "NoSuchBucket", "there is no bucket "+b.name.bucket, "Check the name, and the endpoint."
	case code == "NoSuchKey":
		return noObject("NoSuchKey: the bucket " + b.name.bucket + " has no such object")
	case status == http.StatusNotFound:
		return noObject("there is no such object, or no such bucket")
	}
	return refusedForGood(status, shown, text, hint)
}

// readRefusal returns the beginning of what a server says when it refuses.
func readRefusal(resp *http.Response) (string, error) {
	const longest = 64 << 10
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	if err != nil {
		return "", explain(err)
	}
	return string(b), nil
}

func (b *gsBucket) accessHint() string {
	if b.login == nil {
		return "The request had no token, and the bucket is not public: give credentials instead of --no-sign-request."
	}
	return "The account needs storage.objects.get, and storage.objects.list for a directory (roles/storage.objectViewer); without the latter, a missing object is denied too."
}
