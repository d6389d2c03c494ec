package aws

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
)

// A webIdentity is the token of a cluster, and the role that STS gives credentials of for it.
type webIdentity struct{ file, role, session string }

func (l *Login) byWebIdentity(ctx context.Context) (*login.Found, error) {
	if l.WebIdentityTokenFile == "" {
		return nil, nil //nolint:nilnil // not here
	}
	return l.assumeRole(ctx, webIdentity{l.WebIdentityTokenFile, l.RoleARN, l.RoleSessionName})
}

// assumeRole asks STS. The token is read each time: it is rotated.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (l *Login) assumeRole(ctx context.Context, w webIdentity) (*login.Found, error) {
	if w.role == "" {
		return nil, login.Final("the role is the annotation eks.amazonaws.com/role-arn of the service account", "there is a token file, and AWS_ROLE_ARN is not set")
	}
	token, err := credentials.ReadToken("the file of AWS_WEB_IDENTITY_TOKEN_FILE", w.file)
	if err != nil {
		return nil, err
	}
	endpoint, err := l.stsURL()
	if err != nil {
		return nil, err
	}
	const wait = 10 * time.Second
	a, err := (&login.Request{
		Who: "STS", URL: endpoint, By: l.public, Wait: wait, Form: []string{
			"Action", "AssumeRoleWithWebIdentity", "Version", "2011-06-15",
			"RoleArn", w.role, "RoleSessionName", cmp.Or(w.session, "inith"), "WebIdentityToken", token,
		},
	}).Send(ctx)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, stsRefusal(a)
	}
	return parseSTS(a.Body)
}

func (l *Login) stsURL() (string, error) {
	if l.STSEndpoint == "" {
		return "https://sts." + l.region + "." + bucket.Domain(l.region) + "/", nil
	}
	u, err := bucket.ParseEndpoint(l.STSEndpoint)
	if err != nil {
		return "", login.Final("", "AWS_ENDPOINT_URL_STS is %v", err)
	}
	return u.Scheme + "://" + u.Host + "/", nil
}

// parseSTS reads an answer that has credentials.
func parseSTS(body []byte) (*login.Found, error) {
	text := string(body)
	c := login.Credentials{
		KeyID: bucket.Element(text, "AccessKeyId"), Secret: bucket.Element(text, "SecretAccessKey"), Token: bucket.Element(text, "SessionToken"),
	}
	return served("STS", c, bucket.Element(text, "Expiration"))
}

// stsRefusal says why STS gives no credentials, by its code: its message repeats the token.
func stsRefusal(a login.Answer) error {
	refusal, _ := bucket.ReadError(strings.NewReader(string(a.Body)))
	const trust = "check the annotation of the service account, and that the trust policy of the role names the cluster's provider and this service account"
	var text string
	hint := trust
	switch refusal.Code {
	case "AccessDenied":
		text = "the role may not be assumed"
	case "InvalidIdentityToken":
		text = "the token is not accepted"
	case "IDPRejectedClaim":
		text = "the token is rejected"
	case "InvalidParameterValue": // of MinIO, for both
		text = "there is no such role, or the token is not accepted"
	case "ExpiredTokenException", "ExpiredToken":
		text, hint = "the token has expired", "the kubelet rotates it: check that the file is mounted as a projected volume"
	case "ValidationError":
		text, hint = "the role or the session is not valid", "check AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME"
	default:
		return a.Refusal("STS", trust)
	}
	return login.Final(hint, "STS refuses (%s): %s", refusal.Code, text)
}
