package kube

import (
	"context"
	"net/http"

	"github.com/inith/inith/internal/credentials"
)

// A kubeUser is whom the requests are from outside a cluster.
type kubeUser struct {
	Token     string
	TokenFile string      `yaml:"tokenFile"`
	CertFile  string      `yaml:"client-certificate"`
	CertData  string      `yaml:"client-certificate-data"`
	KeyFile   string      `yaml:"client-key"`
	KeyData   string      `yaml:"client-key-data"`
	Exec      *execPlugin `yaml:"exec"`

	// Logins that inith does not support.
	Username     string
	AuthProvider any `yaml:"auth-provider"`

	// Whom the user acts as.
	As       string
	AsUID    string              `yaml:"as-uid"`
	AsGroups []string            `yaml:"as-groups"`
	AsExtra  map[string][]string `yaml:"as-user-extra"`
}

// check refuses what kubectl refuses, and what inith does not support.
func (u *kubeUser) check() error {
	switch {
	case u.Username != "":
		return unusable("has a username, which API servers no longer accept")
	case u.AuthProvider != nil:
		return unusable("has an auth-provider, which kubectl no longer supports either: use an exec plugin")
	case len(u.AsExtra) > 0:
		return unusable("has as-user-extra, which inith does not support")
	case u.As == "" && (u.AsUID != "" || len(u.AsGroups) > 0):
		return unusable("has as-uid or as-groups without as")
	}
	for _, value := range append([]string{u.As, u.AsUID}, u.AsGroups...) {
		if !credentials.IsHeaderValue(value) {
			return unusable("has a line break in as, as-uid or as-groups")
		}
	}
	return nil
}

// authorize sets the token and whom the user acts as:
// https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
func (o *outside) authorize(ctx context.Context, h http.Header) error {
	token, err := o.token(ctx)
	if err != nil {
		return err
	}
	bear(h, token)
	if o.user.As == "" {
		return nil
	}
	h.Set("Impersonate-User", o.user.As)
	if o.user.AsUID != "" {
		h.Set("Impersonate-Uid", o.user.AsUID)
	}
	for _, group := range o.user.AsGroups {
		h.Add("Impersonate-Group", group)
	}
	return nil
}

func (o *outside) token(ctx context.Context) (string, error) {
	switch {
	case o.user.TokenFile != "":
		return credentials.ReadToken("token file", o.user.TokenFile)
	case o.user.Token != "":
		return o.user.Token, o.checkToken()
	case o.user.Exec != nil:
		status, err := o.user.Exec.credential(ctx, o.env)
		return status.Token, err
	}
	return "", nil
}

func (o *outside) checkToken() error {
	if !credentials.IsHeaderValue(o.user.Token) {
		return unusable("has a token with a line break")
	}
	return nil
}
