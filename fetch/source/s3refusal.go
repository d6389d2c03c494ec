package source

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/inith/inith/internal/bucket"
)

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
		return b.replaced(resp, refusedForGood(status, said.Code, "the session token has expired",
			"get new temporary credentials; those of files and of service accounts are refreshed by themselves"))
	case "InvalidAccessKeyId", "InvalidToken", "InvalidTokenId", "InvalidSecurity", "InvalidClientTokenId": // MinIO forgets those that have expired
		return b.replaced(resp, refusedForGood(status, said.Code, "the credentials are not accepted",
			"Check that the key belongs to this server, and that the session token belongs to the key."))
	}
	if elsewhere := b.elsewhere(resp, said, region); elsewhere != nil {
		return elsewhere
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return nil
	}
	return b.explained(resp, said.Code)
}

// replaced says that credentials are refused. Those of a session are not used again, and others may have replaced them
// meanwhile.
func (b *s3Bucket) replaced(resp *http.Response, err error) error {
	token := resp.Request.Header.Get("X-Amz-Security-Token")
	if b.login == nil || token == "" {
		return err
	}
	b.login.Expired(token)
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
	err := refusedForGood(resp.StatusCode, said.Code, "the bucket is in another region, or at another endpoint", hint)
	if known && b.moveTo(region, right) {
		return &againError{err}
	}
	return err
}

// explained says what a code means that no second try can clear.
func (b *s3Bucket) explained(resp *http.Response, code string) error {
	var text, hint string
	status := resp.StatusCode
	switch code {
	case "NoSuchKey", "NoSuchVersion":
		return noObject(code + ": the bucket " + b.name.place.Name + " has no such object")
	case "NoSuchBucket":
		text, hint = "there is no bucket "+b.name.place.Name, "Check the name, and the endpoint."
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		text, hint = "access is denied", b.accessHint()
	case "SignatureDoesNotMatch":
		text, hint = "the signature is not accepted", "Check the secret key"+skew(resp)+". A proxy that changes requests breaks signatures too."
	case "RequestTimeTooSkewed", "RequestExpired":
		text, hint = "the clocks of this node and of the server differ", "Set the time of this node"+skew(resp)+"."
	case "InvalidObjectState":
		text, hint = "the object is archived", "Restore it first."
	case "MethodNotAllowed":
		text, hint = "this version is a delete marker", "Check versionId."
	case "InvalidBucketName", "KeyTooLongError", "InvalidURI", "InvalidArgument", "InvalidRequest":
		text, hint = "the bucket, the key or the version is not valid", "An object that is encrypted by a key of the customer cannot be fetched."
	default:
		return b.unexplained(status, code)
	}
	return refusedForGood(status, code, text, hint)
}

// unexplained says what a status means whose code is not known, and is not shown.
func (b *s3Bucket) unexplained(status int, code string) error {
	text, hint := "not as S3 does", "Check the endpoint."
	switch {
	case status == http.StatusNotFound && code == "": // of HEAD
		return noObject("there is no such object, or no such bucket")
	case status == http.StatusNotFound:
		text, hint = "not found", "Check the bucket, the key and the endpoint, and the ID of the credentials."
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		text, hint = "access is denied", b.accessHint()
	}
	return refusedForGood(status, "", text, hint)
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
