// Package google finds the tokens by which requests to Google Cloud are authorized: in the places where Google's own programs look,
// in their order (Application Default Credentials). A [login.Cache] keeps a token until shortly before it expires.
//
// No error holds a secret, nor what a server said. Nothing secret is sent without TLS, but to this host and to the metadata
// server of the node.
//
// https://cloud.google.com/docs/authentication/application-default-credentials
package google

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// Scope is what tokens are asked for: to read objects.
const Scope = "https://www.googleapis.com/auth/devstorage.read_only"

// Places are where credentials are looked for, in the order of the fields. A field that is empty is not set.
type Places struct {
	CredentialsFile string // JSON: a key of a service account, a user's login, or an external identity
	ConfigDir       string // gcloud's, with a file of that kind, which need not exist; "": .config/gcloud in Home
	Home            string // "": there is none
	MetadataHost    string // host or host:port; "": that of the node
	NoMetadata      bool   // the node is not asked
	ProductFile     string // that names the maker of the node; "": Linux's
}

// NewCache returns the tokens of one identity. Requests to servers that are not the node's go through public.
func NewCache(p Places, public http.RoundTripper) *login.Cache {
	return login.NewCache((&finder{p, public}).find)
}

// A finder asks for tokens.
type finder struct {
	Places
	public http.RoundTripper
}

func (l *finder) find(ctx context.Context) (*login.Found, error) {
	return login.Look(ctx, []login.Place{
		{Name: "GOOGLE_APPLICATION_CREDENTIALS", Find: l.inNamedFile},
		{Name: "the file application_default_credentials.json of gcloud", Find: l.inUsualFile},
		{Name: "the metadata server of the node", Find: l.ofMetadata},
	}, "set GOOGLE_APPLICATION_CREDENTIALS, or give the Pod a service account with access. For a public bucket, --no-sign-request.")
}

func (l *finder) inNamedFile(ctx context.Context) (*login.Found, error) {
	if l.CredentialsFile == "" {
		return nil, nil //nolint:nilnil // not here
	}
	return l.inFile(ctx, "the file of GOOGLE_APPLICATION_CREDENTIALS", l.CredentialsFile, false)
}

func (l *finder) inUsualFile(ctx context.Context) (*login.Found, error) {
	dir := l.ConfigDir
	if dir == "" && l.Home != "" {
		dir = filepath.Join(l.Home, ".config", "gcloud")
	}
	if dir == "" {
		return nil, nil //nolint:nilnil // not here
	}
	return l.inFile(ctx, "the file application_default_credentials.json of gcloud", filepath.Join(dir, "application_default_credentials.json"), true)
}

// inFile reads a file, which may be optional.
func (l *finder) inFile(ctx context.Context, what, name string, optional bool) (*login.Found, error) {
	const longest = 1 << 20
	f, err := os.Open(name)
	if optional && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR)) {
		return nil, nil //nolint:nilnil // not here
	}
	if err != nil {
		return nil, usererr.File(what, name, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return nil, usererr.File(what, name, err)
	}
	return l.byFile(ctx, what, b)
}

// A file is one of credentials: the fields of all its types.
type file struct {
	Type     string
	Universe string `json:"universe_domain"`

	// service_account
	ClientEmail  string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`
	TokenURI     string `json:"token_uri"`

	// authorized_user
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`

	// external_account
	Audience         string
	SubjectTokenType string         `json:"subject_token_type"`
	TokenURL         string         `json:"token_url"`
	ImpersonationURL string         `json:"service_account_impersonation_url"`
	Source           externalSource `json:"credential_source"`
}

// byFile asks for a token by what a file says.
func (l *finder) byFile(ctx context.Context, what string, b []byte) (*login.Found, error) {
	var f file
	if json.Unmarshal(b, &f) != nil { // whose error would quote the file
		return nil, login.Final("write it as Google Cloud gives it", "%s is not JSON of credentials", what)
	}
	if f.Universe != "" && f.Universe != "googleapis.com" {
		return nil, login.Final("", "%s is of another universe than googleapis.com, which inith does not support", what)
	}
	switch f.Type {
	case "service_account":
		return l.byKey(ctx, what, f)
	case "authorized_user":
		return l.byRefresh(ctx, what, f)
	case "external_account":
		return l.byExternal(ctx, what, f)
	default:
		return nil, login.Final("inith supports service_account, authorized_user and external_account: create credentials of one of these",
			"%s has credentials of type%s, which inith does not support", what, redact.Quoted(f.Type))
	}
}

// post sends a form, and reads the token in the answer.
func (l *finder) post(ctx context.Context, who, to string, form ...string) (*login.Found, error) {
	const wait = 10 * time.Second
	a, err := (&login.Request{Who: who, URL: to, Form: form, By: l.public, Wait: wait}).Send(ctx)
	if err != nil {
		return nil, err
	}
	return a.Token(who, "check that the key or the login has not been revoked, that the workload identity pool, its provider and the service account exist, "+
		"and the clock of this node")
}
