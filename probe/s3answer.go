package probe

import (
	"fmt"
	nethttp "net/http"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/usererr"
)

// s3 is ready when its bucket exists.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
type s3 struct {
	login *s3Login
	spec  *spec
}

// judge decides on an answer. That the bucket may not be listed means that it exists, and that the key is a good one.
func (b *s3) judge(resp *nethttp.Response) error {
	switch {
	case resp.StatusCode >= nethttp.StatusInternalServerError:
		return statusReason(resp, "want any but 500-599")
	case b.spec.level == LevelProto, resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	}
	said, err := bucket.ReadError(resp.Body)
	if err != nil {
		return err
	}
	return b.refusal(resp, said.Code)
}

// refusal says what an error of the server means.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (b *s3) refusal(resp *nethttp.Response, code string) error {
	answered := func(what, hint string) *usererr.Error {
		return &usererr.Error{Text: fmt.Sprintf("answered status %d: %s", resp.StatusCode, what), Hint: hint}
	}
	switch code {
	case "AccessDenied":
		return nil
	case "NoSuchBucket":
		return answered("the bucket does not exist (yet)", "check the name, and whether the job that creates it has run")
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity":
		return Rejected(answered("the key is refused", "check the key ID and its secret"))
	case "ExpiredToken", "TokenRefreshRequired":
		return Rejected(answered("the session token has expired", "get new temporary credentials"))
	case "RequestTimeTooSkewed", "RequestExpired":
		return answered("the clocks of inith and the server differ", "check the time of this node")
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect", "IllegalLocationConstraintException":
		return answered("the bucket is in another region", s3RegionHint(resp))
	}
	switch {
	case resp.StatusCode == nethttp.StatusForbidden && b.login.signs():
		return Rejected(answered("the key is refused", "check the key ID and its secret"))
	case resp.StatusCode == nethttp.StatusForbidden:
		return nil
	case resp.StatusCode == nethttp.StatusNotFound:
		return answered("not found", "check the bucket, the key ID and the endpoint")
	}
	return answered("not as S3 does", "check the endpoint")
}

func s3RegionHint(resp *nethttp.Response) string {
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" && bucket.CheckRegion(region) == nil {
		return "add ?region=" + region
	}
	return "set the region of the bucket, as in s3://bucket?region=eu-west-1"
}
