// Package aws finds the credentials by which requests to Amazon's services, and to those with their API, are signed: in the
// places where Amazon's own programs look, in their order. A [Login] keeps them until shortly before they expire.
//
// No error holds a secret, nor what a server said.
package aws

import (
	"context"
	"net/http"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/sigv4"
)

// Places are where credentials are looked for, in the order of the fields. A field that is empty is not set.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
type Places struct {
	KeyID, Secret, Token string

	WebIdentityTokenFile string // of a token of the cluster, for which STS gives credentials
	RoleARN              string
	RoleSessionName      string
	STSEndpoint          string // a URL; "": Amazon's, of the region

	Profile         string // "": default, which need not exist
	CredentialsFile string // "": .aws/credentials in Home, if that exists
	ConfigFile      string // "": .aws/config in Home, if that exists
	Home            string // "": there is none

	ContainerURI       string // of an agent, such as EKS Pod Identity's
	ContainerPath      string // at the agent of ECS
	ContainerToken     string // for the agent
	ContainerTokenFile string // of that token, read each time; instead of ContainerToken

	MetadataEndpoint string // a URL; "": that of EC2
	NoMetadata       bool   // the instance is not asked
}

// ErrFinal is wrapped by errors that no second try can clear.
var ErrFinal = login.ErrFinal

func (l *Login) find(ctx context.Context) (*login.Found, error) {
	return login.Look(ctx, []login.Place{
		{Name: "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", Find: l.inEnvironment},
		{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Find: l.byWebIdentity},
		{Name: "the profile " + l.profileName() + " of the shared files", Find: l.inProfile},
		{Name: "AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI", Find: l.ofContainer},
		{Name: "the metadata of the instance", Find: l.ofInstance},
	}, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the Pod a service account with a role. For a public bucket, --no-sign-request.")
}

func (l *Login) inEnvironment(context.Context) (*login.Found, error) {
	if l.KeyID == "" && l.Secret == "" {
		return nil, nil //nolint:nilnil // not here
	}
	if l.KeyID == "" || l.Secret == "" {
		return nil, login.Final("", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other")
	}
	return checked("the environment", &login.Found{Credentials: login.Credentials{KeyID: l.KeyID, Secret: l.Secret, Token: l.Token}})
}

// checked refuses what a header cannot have.
func checked(where string, c *login.Found) (*login.Found, error) {
	if c.KeyID == "" || c.Secret == "" {
		return nil, login.Final("", "the credentials of %s lack the ID of a key, or its secret", where)
	}
	if !credentials.IsHeaderValue(c.KeyID + c.Secret + c.Token) {
		return nil, login.Final("", "the credentials of %s have a line break or another control character in them", where)
	}
	return c, nil
}

// A Login has the credentials of one identity. It is safe for concurrent use.
type Login struct {
	Places
	region string            // of STS
	public http.RoundTripper // reaches STS
	cache  *login.Cache
}

// NewLogin returns a login. Requests to STS, in a region, go through public.
func NewLogin(p Places, region string, public http.RoundTripper) *Login {
	l := &Login{Places: p, region: region, public: public}
	l.cache = login.NewCache(l.find)
	return l
}

// Get returns credentials that are valid. Errors that wrap [ErrFinal] stay; others may go away.
func (l *Login) Get(ctx context.Context) (sigv4.Credentials, error) {
	c, err := l.cache.Get(ctx)
	return sigv4.Credentials(c), err
}

// Expired says that a server refused credentials as expired, by the token of their session: they are not used again.
func (l *Login) Expired(token string) { l.cache.Expired(token) }
