package google

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
)

// An externalSource is where the token of another identity provider comes from.
type externalSource struct {
	File    string
	URL     string
	Headers map[string]string
	Format  struct {
		Type  string
		Field string `json:"subject_token_field_name"`
	}
}

// byExternal exchanges the token of another identity provider, such as that of a cluster, for one of Google's (RFC 8693), and that
// one for the token of a service account if the file names one.
// https://google.aip.dev/auth/4117
func (l *finder) byExternal(ctx context.Context, what string, f file) (*login.Found, error) {
	subject, err := l.subject(ctx, what, f.Source)
	if err != nil {
		return nil, err
	}
	scope := Scope
	if f.ImpersonationURL != "" {
		scope = "https://www.googleapis.com/auth/cloud-platform"
	}
	found, err := l.post(ctx, "the token exchange of Google", cmp.Or(f.TokenURL, "https://sts.googleapis.com/v1/token"),
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange",
		"requested_token_type", "urn:ietf:params:oauth:token-type:access_token",
		"audience", f.Audience, "scope", scope, "subject_token_type", f.SubjectTokenType, "subject_token", subject)
	if err != nil || f.ImpersonationURL == "" {
		return found, err
	}
	return l.impersonate(ctx, f.ImpersonationURL, found.Token)
}

// subject returns the token of the other identity provider. It is read each time: it is rotated.
func (l *finder) subject(ctx context.Context, what string, s externalSource) (string, error) {
	var text string
	var err error
	switch {
	case s.File != "":
		text, err = credentials.ReadSecret("the token file that "+what+" names,", s.File)
	case s.URL != "":
		text, err = l.subjectAt(ctx, s)
	default:
		return "", login.Final("inith runs no program and reads no keys of AWS for this: use a token in a file, as Kubernetes mounts one, or behind a URL",
			"%s has a credential_source that inith does not support", what)
	}
	if err != nil {
		return "", err
	}
	if s.Format.Type == "json" {
		fields := map[string]any{}
		_ = json.Unmarshal([]byte(text), &fields) // there is no token then
		text, _ = fields[s.Format.Field].(string)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", login.Final("check credential_source and its format", "there is no token where %s says", what)
	}
	return text, nil
}

// subjectAt asks for the token at a URL: without TLS only this host, or a link-local address, where other clouds have it.
func (l *finder) subjectAt(ctx context.Context, s externalSource) (string, error) {
	const (
		who  = "the URL of credential_source"
		wait = 5 * time.Second
	)
	req := &login.Request{Who: who, URL: s.URL, By: l.public, Wait: wait}
	if u, err := redact.ParseURL(s.URL); err == nil && u.Scheme == "http" {
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.IsLinkLocalUnicast() {
			req.By = nil
		}
	}
	for name, value := range s.Headers {
		req.Header = append(req.Header, name, value)
	}
	a, err := req.Send(ctx)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", a.Refusal(who, "check credential_source")
	}
	return string(a.Body), nil
}

// impersonate asks for a token of a service account.
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
func (l *finder) impersonate(ctx context.Context, to, token string) (*login.Found, error) {
	const (
		who  = "the service account that is impersonated"
		wait = 10 * time.Second
	)
	a, err := (&login.Request{
		Who: who, URL: to, Body: `{"scope":["` + Scope + `"]}`, Header: []string{"Content-Type", "application/json", "Authorization", "Bearer " + token},
		By: l.public, Wait: wait,
	}).Send(ctx)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, a.Refusal(who, "give the identity of the workload the role roles/iam.workloadIdentityUser on the service account")
	}
	var answer struct {
		AccessToken string `json:"accessToken"`
		ExpireTime  string `json:"expireTime"`
	}
	if json.Unmarshal(a.Body, &answer) != nil {
		return nil, login.NotUnderstood(who)
	}
	expires, err := time.Parse(time.RFC3339, answer.ExpireTime)
	if err != nil {
		return nil, login.NotUnderstood(who)
	}
	return login.Bearer(who, answer.AccessToken, expires)
}
