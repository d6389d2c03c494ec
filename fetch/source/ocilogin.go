package source

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/dockerconfig"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// An ociLogin proves to a registry who asks for a repository: by nothing until the registry asks for more, then by a password or
// by a token that another server gives for it, which is replaced when it expires
// (https://distribution.github.io/distribution/spec/auth/token/). Passwords and tokens go to the registry's own origin, and
// passwords to the server of tokens that it names.
type ociLogin struct {
	network  *Network
	endpoint *url.URL // of the registry
	name     ociName

	mu      sync.Mutex
	asked   challenge // the last one of the registry; zero: none came yet
	token   string    // "": there is none
	expires time.Time
}

// add adds to a request to the registry what it wants.
func (l *ociLogin) add(req *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.asked.scheme {
	case "basic":
		login, err := l.credentials()
		if err == nil && login.Username != "" {
			req.SetBasicAuth(login.Username, login.Password)
		}
		return err
	case "bearer":
		if err := l.renew(req.Context()); err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+l.token)
	}
	return nil
}

// refused says what the status 401 of the registry means. The next request has what it asks for.
func (l *ociLogin) refused(resp *http.Response) error {
	asked := parseChallenge(resp.Header.Values("WWW-Authenticate"))
	l.mu.Lock()
	defer l.mu.Unlock()
	login, err := l.credentials()
	if err != nil {
		return err
	}
	text := "the registry does not accept the credentials for " + l.name.host
	if login == (dockerconfig.Login{}) {
		text = "the registry wants credentials, and there are none for " + l.name.host
	}
	err = Permanent(&usererr.Error{Text: text, Hint: ociAccessHint})
	shown := resp.Request.Header.Get("Authorization")
	switch {
	case asked.scheme == "":
		return Permanent(&usererr.Error{Text: "the registry refuses access (status 401), and does not say what it wants", Hint: ociAccessHint})
	case asked.scheme == "basic" && (login.Username == "" || strings.HasPrefix(shown, "Basic ")):
		return err // a wrong password that is sent again and again locks accounts
	case shown == "Bearer "+l.token: // else another request has got a new one meanwhile
		l.token = ""
	}
	l.asked = asked
	return &againError{err}
}

const ociAccessHint = "Check that the config.json of --registry-config or DOCKER_CONFIG has an entry for this registry, and that its account may read the repository."

// credentials returns the login of the user's file, which is read each time: it is mounted, and rotated.
func (l *ociLogin) credentials() (dockerconfig.Login, error) {
	settings := l.network.OCI
	if settings.ConfigFile == "" {
		return dockerconfig.Login{}, nil
	}
	login, err := dockerconfig.Find(settings.ConfigFile, l.name.host, l.name.repository)
	if err != nil && errors.Is(err, os.ErrNotExist) && settings.ConfigOptional {
		return dockerconfig.Login{}, nil
	}
	if err != nil {
		return dockerconfig.Login{}, unreadable(err)
	}
	return login, nil
}

// renew replaces a token that is missing, or has expired.
func (l *ociLogin) renew(ctx context.Context) error {
	const enough = 2 * time.Second // for a request to reach the registry
	if l.token != "" && time.Until(l.expires) > enough {
		return nil
	}
	login, err := l.credentials()
	if err != nil {
		return err
	}
	if login.RegistryToken != "" {
		l.token, l.expires = login.RegistryToken, time.Now().Add(time.Hour)
		return nil
	}
	realm, err := l.realm(login)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultHeaderWait)
	defer cancel()
	req, err := tokenRequest(ctx, realm, login)
	if err != nil {
		return Permanent(&usererr.Error{Text: "not a request that can be sent", Err: err})
	}
	return l.ask(req, login)
}

// realm returns the URL that gives tokens, with what the token is to be for. The registry names it: nothing but TLS keeps a
// password on the way there from others, unless the user chose to do without.
func (l *ociLogin) realm(login dockerconfig.Login) (*url.URL, error) {
	u, err := redact.ParseURL(l.asked.parameters["realm"])
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, Permanent(&usererr.Error{Text: "the registry names no server that gives tokens", Hint: "Is this the URL of a registry?"})
	}
	if u.Scheme == "http" && login != (dockerconfig.Login{}) && (l.endpoint.Scheme != "http" || !sameHost(u, l.endpoint)) {
		return nil, Permanent(&usererr.Error{
			Text: "the registry wants the password sent to another server over plain HTTP, where anybody could read it",
			Hint: "The server of tokens needs https: check the realm that the registry is configured with.",
		})
	}
	if !sameHost(u, l.endpoint) && namesMetadata(u.Hostname()) {
		return nil, Permanent(errMetadata())
	}
	u.User, u.Fragment = nil, ""
	query := u.Query()
	if service := l.asked.parameters["service"]; service != "" {
		query.Set("service", service)
	}
	query.Set("scope", cmp.Or(l.asked.parameters["scope"], "repository:"+l.name.repository+":pull"))
	u.RawQuery = query.Encode()
	return u, nil
}

// tokenRequest asks for a token: with a password by GET, with an identity token by POST
// (https://distribution.github.io/distribution/spec/auth/oauth/).
func tokenRequest(ctx context.Context, realm *url.URL, login dockerconfig.Login) (*http.Request, error) {
	ctx = context.WithValue(ctx, staysKey{}, true)
	if login.IdentityToken == "" {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
		if err == nil && login.Username != "" {
			req.SetBasicAuth(login.Username, login.Password)
		}
		return req, err
	}
	form := realm.Query()
	form.Set("grant_type", "refresh_token")
	form.Set("client_id", userAgent)
	form.Set("refresh_token", login.IdentityToken)
	plain := *realm
	plain.RawQuery = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, plain.String(), strings.NewReader(form.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

// ask sends a request for a token, over the connections of the registry: what it redirects to, or names, is not where the user
// has chosen to go.
func (l *ociLogin) ask(req *http.Request, login dockerconfig.Login) error {
	req.Header.Set("User-Agent", userAgent)
	client, err := l.network.plainClient(clientKey{credentials.Origin(l.endpoint), l.network.TLS}, l.endpoint)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := tokenRefusal(resp, login); err != nil {
		return err
	}
	const most = 1 << 20 // bytes
	var answer struct {
		Token       string
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"` // seconds
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return explain(err)
	}
	if json.Unmarshal(b, &answer) != nil || answer.Token+answer.AccessToken == "" || !credentials.IsHeaderValue(answer.Token+answer.AccessToken) {
		return Permanent(&usererr.Error{Text: "the server that gives tokens for the registry answers with none", Hint: "Is this the URL of a registry?"})
	}
	const usual, longest = 60, 3600 // seconds; the first if the server does not say for how long the token holds
	lifetime := answer.ExpiresIn
	if lifetime <= 0 {
		lifetime = usual
	}
	l.token = cmp.Or(answer.Token, answer.AccessToken)
	l.expires = time.Now().Add(time.Duration(min(lifetime, longest)) * time.Second)
	return nil
}

// tokenRefusal says why there is no token.
func tokenRefusal(resp *http.Response, login dockerconfig.Login) error {
	const text = "the server that gives tokens for the registry "
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		what := "does not accept the credentials"
		if login == (dockerconfig.Login{}) {
			what = "wants credentials, and there are none"
		}
		return Permanent(&usererr.Error{Text: text + what, Hint: ociAccessHint})
	case status/100 == 3:
		return Permanent(&usererr.Error{Text: text + "redirects, which is not followed with credentials"})
	}
	if err := statusError(resp); err != nil {
		return err
	}
	return Permanent(&usererr.Error{Text: text + "gives another answer than documented"})
}
