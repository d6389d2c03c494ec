// Package azure proves to Azure's Blob service who asks: by tokens of Microsoft Entra ID, which are looked for where Azure's own
// programs look and kept until shortly before they expire, or by signatures with the key of an account ([Sign]).
//
// No error holds a secret, nor what a server said.
package azure

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
)

// Places are where a token is looked for: with a client secret, with the token of a cluster, and at the metadata service of the
// node. A field that is empty is not set.
// https://learn.microsoft.com/en-us/dotnet/api/azure.identity.environmentcredential
// https://azure.github.io/azure-workload-identity/docs/
type Places struct {
	TenantID, ClientID string
	ClientSecret       string
	FederatedTokenFile string // of a token of the cluster
	AuthorityHost      string // a URL; "": that of the public cloud
	MetadataEndpoint   string // a URL; "": that of the node
	NoMetadata         bool   // the node is not asked
}

const resource = "https://storage.azure.com/"

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
		{Name: "the environment variables AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN and AZURE_CLIENT_SECRET", Find: l.bySecret},
		{Name: "AZURE_FEDERATED_TOKEN_FILE", Find: l.byFederation},
		{Name: "the managed identity of the node", Find: l.ofMetadata},
	}, "give the Pod a service account with a workload identity, or set AZURE_STORAGE_KEY. For a public container, --no-sign-request.")
}

// bySecret asks for a token with the secret of an application.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func (l *finder) bySecret(ctx context.Context) (*login.Found, error) {
	if l.ClientSecret == "" {
		return nil, nil //nolint:nilnil // not here
	}
	return l.post(ctx, "client_secret", l.ClientSecret)
}

// byFederation asks for a token with that of the cluster. It is read each time: it is rotated.
func (l *finder) byFederation(ctx context.Context) (*login.Found, error) {
	if l.FederatedTokenFile == "" {
		return nil, nil //nolint:nilnil // not here
	}
	token, err := credentials.ReadToken("the file of AZURE_FEDERATED_TOKEN_FILE", l.FederatedTokenFile)
	if err != nil {
		return nil, err
	}
	return l.post(ctx, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", token)
}

func (l *finder) post(ctx context.Context, proof ...string) (*login.Found, error) {
	const wait = 10 * time.Second
	if l.TenantID == "" || l.ClientID == "" || strings.ContainsAny(l.TenantID, "/?#@") {
		return nil, login.Final("", "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set, or not valid")
	}
	host := strings.TrimSuffix(cmp.Or(l.AuthorityHost, "https://login.microsoftonline.com"), "/")
	const who = "Microsoft Entra ID"
	a, err := (&login.Request{
		Who: who, URL: host + "/" + l.TenantID + "/oauth2/v2.0/token", By: l.public, Wait: wait,
		Form: append([]string{"grant_type", "client_credentials", "client_id", l.ClientID, "scope", resource + ".default"}, proof...),
	}).Send(ctx)
	if err != nil {
		return nil, err
	}
	return a.Token(who, "check AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret, or that the federated credential of the identity names this service account and "+
		"the cluster's issuer")
}

// ofMetadata asks the metadata service of the node for the token of a managed identity.
// https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
func (l *finder) ofMetadata(ctx context.Context) (*login.Found, error) {
	const (
		who  = "the managed identity of the node"
		wait = 2 * time.Second
	)
	if l.NoMetadata {
		return nil, nil //nolint:nilnil // not here
	}
	query := "?api-version=2018-02-01&resource=" + url.QueryEscape(resource)
	if l.ClientID != "" {
		query += "&client_id=" + url.QueryEscape(l.ClientID)
	}
	a, err := (&login.Request{
		Who: who, URL: strings.TrimSuffix(cmp.Or(l.MetadataEndpoint, "http://169.254.169.254"), "/") + "/metadata/identity/oauth2/token" + query,
		Header: []string{"Metadata", "true"}, Wait: wait,
	}).Send(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, err
	case err != nil, a.Status == http.StatusNotFound: // no node of Azure's
		return nil, nil //nolint:nilnil,nilerr // not here
	default:
		return a.Token(who, "check that the node or the Pod has a managed identity, and that AZURE_CLIENT_ID names it")
	}
}
