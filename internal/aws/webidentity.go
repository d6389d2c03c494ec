package aws

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/usererr"
)

// A webIdentity is the token of a cluster, and the role that STS gives credentials of for it.
type webIdentity struct{ file, role, session string }

func (l *Login) byWebIdentity(ctx context.Context) (*found, error) {
	if l.WebIdentityTokenFile == "" {
		return nil, nil //nolint:nilnil // not here
	}
	return l.assumeRole(ctx, webIdentity{l.WebIdentityTokenFile, l.RoleARN, l.RoleSessionName})
}

// assumeRole asks STS. The token is read each time: it is rotated.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (l *Login) assumeRole(ctx context.Context, w webIdentity) (*found, error) {
	if w.role == "" {
		return nil, final("the role is the annotation eks.amazonaws.com/role-arn of the service account", "there is a token file, and AWS_ROLE_ARN is not set")
	}
	token, err := credentials.ReadToken("the file of AWS_WEB_IDENTITY_TOKEN_FILE", w.file)
	if err != nil {
		return nil, err
	}
	endpoint, err := l.stsURL()
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {w.role}, "RoleSessionName": {cmp.Or(w.session, "inith")}, "WebIdentityToken": {token},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, final("", "AWS_ENDPOINT_URL_STS is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	const wait = 10 * time.Second
	a, err := exchange(req, l.public, wait)
	if err != nil {
		return nil, unreached("STS", err)
	}
	if a.status != http.StatusOK {
		return nil, stsRefusal(a)
	}
	return parseSTS(a.body)
}

func (l *Login) stsURL() (string, error) {
	if l.STSEndpoint == "" {
		return "https://sts." + l.region + "." + bucket.Domain(l.region) + "/", nil
	}
	u, err := bucket.ParseEndpoint(l.STSEndpoint)
	if err != nil {
		return "", final("", "AWS_ENDPOINT_URL_STS is %v", err)
	}
	return u.Scheme + "://" + u.Host + "/", nil
}

// parseSTS reads an answer that has credentials.
func parseSTS(body []byte) (*found, error) {
	text := string(body)
	c := sigv4.Credentials{
		KeyID: bucket.Element(text, "AccessKeyId"), Secret: bucket.Element(text, "SecretAccessKey"), Token: bucket.Element(text, "SessionToken"),
	}
	return served("STS", c, bucket.Element(text, "Expiration"))
}

// stsRefusal says why STS gives no credentials, by its code: its message repeats the token.
func stsRefusal(a answer) error {
	refusal, _ := bucket.ReadError(strings.NewReader(string(a.body)))
	const trust = "check the annotation of the service account, and that the trust policy of the role names the cluster's provider and this service account"
	for code, means := range map[string]struct{ text, hint string }{
		"AccessDenied":         {"the role may not be assumed", trust},
		"InvalidIdentityToken": {"the token is not accepted", trust},
		"IDPRejectedClaim":     {"the token is rejected", trust},
		"ExpiredTokenException": {
			"the token has expired", "the kubelet rotates it: check that the file is mounted as a projected volume",
		},
		"ValidationError": {"the role or the session is not valid", "check AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME"},
	} {
		if refusal.Code == code {
			return final(means.hint, "STS refuses (%s): %s", code, means.text)
		}
	}
	return a.refusal("STS", trust)
}

// unreached says that no answer came.
func unreached(who string, err error) error {
	if known := usererr.Connection(err); known != nil {
		return &usererr.Error{Text: "no credentials from " + who + ": " + known.Text, Hint: known.Hint, Err: err}
	}
	return &usererr.Error{Text: "no credentials from " + who + ": no answer in time, or the connection was cut", Err: err}
}
