package source

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/usererr"
)

// errNoKey is wrapped by the error for an object that does not exist.
var errNoKey = errors.New("no such key")

// refusal says what a refusal of S3 means, nil if it has no meaning of its own. Of what the server says only known codes are
// shown: its messages repeat the ID of the key and the signature.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (b *s3Bucket) refusal(resp *http.Response, region string) error {
	status := resp.StatusCode
	switch {
	case status < http.StatusMultipleChoices, status == http.StatusRequestedRangeNotSatisfiable:
		return nil
	case status == http.StatusPreconditionFailed:
		return ErrChanged
	}
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	said, err := bucket.ReadError(resp.Body)
	if err != nil {
		return explain(err)
	}
	switch said.Code {
	case "SlowDown", "ServiceUnavailable", "TooManyRequests", "Throttling", "ThrottlingException", "RequestLimitExceeded":
		return &ThrottleError{refused(status, said.Code, "the server wants fewer requests", ""), retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case "RequestTimeout", "InternalError", "OperationAborted":
		return refused(status, said.Code, "the server has failed", "")
	case "ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException":
		return b.expired(resp, said.Code)
	}
	if elsewhere := b.elsewhere(resp, said, region); elsewhere != nil {
		return elsewhere
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return nil
	}
	return b.explained(resp, said.Code)
}

// refused is the error for a code.
func refused(status int, code, text, hint string) error {
	if code != "" {
		text = code + ": " + text
	}
	return &usererr.Error{Text: fmt.Sprintf("answered status %d: %s", status, text), Hint: hint}
}

// expired says that the credentials are, which others may have replaced meanwhile.
func (b *s3Bucket) expired(resp *http.Response, code string) error {
	err := Permanent(refused(resp.StatusCode, code, "the session token has expired",
		"get new temporary credentials; those of files and of service accounts are refreshed by themselves"))
	if b.login == nil {
		return err
	}
	b.login.Expired(resp.Request.Header.Get("X-Amz-Security-Token"))
	return &againError{err}
}

// elsewhere says that the bucket is in another region, nil if that is not what is wrong.
func (b *s3Bucket) elsewhere(resp *http.Response, said bucket.Error, region string) error {
	right := cmp.Or(resp.Header.Get("X-Amz-Bucket-Region"), said.Region)
	known := right != "" && right != region && bucket.CheckRegion(right) == nil
	switch said.Code {
	case "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
	case "": // of HEAD: a redirect, or where the region is named, a status that is no other's
		if resp.StatusCode >= http.StatusBadRequest && (resp.StatusCode != http.StatusBadRequest || !known) {
			return nil
		}
	default:
		return nil
	}
	hint := "set the region of the bucket, by AWS_REGION or as in s3://bucket/key?region=eu-west-1"
	if known {
		hint = "the region of the bucket is " + right
	}
	err := Permanent(refused(resp.StatusCode, said.Code, "the bucket is in another region, or at another endpoint", hint))
	if known && b.moveTo(region, right) {
		return &againError{err}
	}
	return err
}

// An s3Code is what a refusal means that no second try can clear.
type s3Code struct{ codes, text, hint string }

func (b *s3Bucket) codes(resp *http.Response) []s3Code {
	return []s3Code{
		{"NoSuchBucket", "there is no bucket " + b.name.place.Name, "Check the name, and the endpoint."},
		{"AccessDenied AllAccessDisabled AccountProblem", "access is denied", b.accessHint()},
		{
			"InvalidAccessKeyId InvalidToken InvalidSecurity InvalidClientTokenId", "the credentials are not accepted",
			"Check that the key belongs to this server, and that the session token belongs to the key.",
		},
		{
			"SignatureDoesNotMatch", "the signature is not accepted",
			"Check the secret key" + skew(resp) + ". A proxy that changes requests breaks signatures too.",
		},
		{"RequestTimeTooSkewed RequestExpired", "the clocks of this node and of the server differ", "Set the time of this node" + skew(resp) + "."},
		{"InvalidObjectState", "the object is archived", "Restore it first."},
		{"MethodNotAllowed", "this version is a delete marker", "Check versionId."},
		{
			"InvalidBucketName KeyTooLongError InvalidURI InvalidArgument InvalidRequest", "the bucket, the key or the version is not valid",
			"An object that is encrypted by a key of the customer cannot be fetched.",
		},
	}
}

// explained says what a code means that no second try can clear.
func (b *s3Bucket) explained(resp *http.Response, code string) error {
	status := resp.StatusCode
	for _, known := range b.codes(resp) {
		if code != "" && slices.Contains(strings.Fields(known.codes), code) {
			return Permanent(refused(status, code, known.text, known.hint))
		}
	}
	switch {
	case code == "NoSuchKey", code == "NoSuchVersion":
		return Permanent(&usererr.Error{
			Text: fmt.Sprintf("answered status %d: %s: the bucket %s has no such object", status, code, b.name.place.Name),
			Hint: "Check the key: upper and lower case differ.", Err: errNoKey,
		})
	case status == http.StatusNotFound && code == "": // of HEAD
		return Permanent(&usererr.Error{
			Text: "answered status 404: there is no such object, or no such bucket", Hint: "Check the bucket, the key and the endpoint.", Err: errNoKey,
		})
	case status == http.StatusNotFound:
		return Permanent(refused(status, "", "not found", "Check the bucket, the key and the endpoint, and the ID of the credentials."))
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return Permanent(refused(status, "", "access is denied", b.accessHint()))
	default:
		return Permanent(refused(status, "", "not as S3 does", "Check the endpoint."))
	}
}

func (b *s3Bucket) accessHint() string {
	if b.login == nil {
		return "The request was not signed, and the bucket is not public: give credentials instead of --no-sign-request."
	}
	return "The credentials need s3:GetObject for the key, and s3:ListBucket for a directory; without the latter, a missing key is denied too."
}

// skew returns how far the clocks differ, for a hint.
func skew(resp *http.Response) string {
	const usual = 5 * time.Minute
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return ""
	}
	if d := time.Since(at).Abs(); d >= usual {
		return fmt.Sprintf(": its clock and the server's differ by %s", d.Round(time.Minute))
	}
	return ""
}
