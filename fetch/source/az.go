package source

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/azure"
	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/sigv4"
)

// An Azure is Azure Blob Storage: what az URLs are of. What the query of a URL says overrides it. The zero value is that of the
// public cloud.
type Azure struct {
	Endpoint  *url.URL // that all requests begin at; nil: Azure's, of the account
	Anonymous bool     // requests have neither a token nor a signature
	Login     Entra

	// One of these is used instead of a token.
	Account string // that they are of; "": any. For other accounts there is a token
	Key     string // of the account, in base64
	SAS     string // a shared access signature: the query of a URL
}

// Entra says where tokens of Microsoft Entra ID are looked for: with a client secret, with the token of a cluster, and at the
// metadata service of the node. Files are read again for each token. The zero value asks the metadata service only.
type Entra struct {
	TenantID, ClientID string
	ClientSecret       string
	FederatedTokenFile string // of a token of the cluster
	AuthorityHost      string // a URL; "": that of the public cloud
	MetadataEndpoint   string // a URL; "": that of the node
	NoMetadata         bool   // the node is not asked
}

// Check reports an endpoint, a key or a signature that can be none. Its errors quote nothing of them.
func (a Azure) Check() error {
	if a.Endpoint != nil {
		if _, err := bucket.ParseEndpoint(a.Endpoint.String()); err != nil {
			return fmt.Errorf("AZURE_STORAGE_SERVICE_ENDPOINT or AZURE_STORAGE_CONNECTION_STRING: %w", err)
		}
	}
	if _, err := base64.StdEncoding.DecodeString(a.Key); err != nil {
		return errors.New("AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING: the key of the account is not base64")
	}
	if query, err := url.ParseQuery(a.SAS); err != nil || a.SAS != "" && !query.Has("sig") || !credentials.IsHeaderValue(a.SAS) {
		return errors.New("AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING: the shared access signature is not one such as sv=…&sig=…")
	}
	return nil
}

// An azContainer is a container, and who asks for its blobs.
// https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-rest-api
type azContainer struct {
	web  web
	name azName
	at   *url.URL // of the account

	// One of these proves who asks; none: nothing does.
	key   []byte
	sas   string
	login *login.Cache
}

func newAZ(n *Network, _ Credentials, retrying func(error)) Resolver {
	return newStoreResolver(func(u *url.URL) (*stored, error) { return openAZ(web{network: n, tls: n.TLS, retrying: retrying}, u) }, nil)
}

func openAZ(w web, u *url.URL) (*stored, error) {
	name, err := parseAZName(u)
	if err != nil {
		return nil, err
	}
	c := &azContainer{web: w, name: name, at: name.at(w.network.Azure.Endpoint)}
	if err := c.logIn(); err != nil {
		return nil, err
	}
	c.web.access.URL = c.at
	c.web.sign, c.web.refusal, c.web.describe = c.sign, c.refusal, describeBlob
	return &stored{
		store: c, location: url.URL{Scheme: azScheme, Host: name.account, Path: "/" + name.container}, key: name.key, pinned: name.version != "",
		origin: credentials.Origin(c.at), wholeFirst: true, // what marks a directory, too
	}, nil
}

// logIn decides what proves who asks. A signature with the key of the account says nothing of the key; a shared access signature
// and a token are themselves what proves it.
func (c *azContainer) logIn() (err error) {
	settings := c.web.network.Azure
	ours := settings.Account == "" || settings.Account == c.name.account
	switch {
	case settings.Anonymous, c.name.anonymous:
		return nil
	case ours && settings.Key != "":
		c.key, err = base64.StdEncoding.DecodeString(settings.Key)
		return err
	}
	err = mayGetToken(c.at, c.name.endpoint,
		"blob.core.windows.net blob.storage.azure.net blob.core.chinacloudapi.cn blob.core.usgovcloudapi.net")
	switch {
	case err != nil:
		return err
	case ours && settings.SAS != "":
		c.sas = settings.SAS
		return nil
	}
	c.login, err = c.web.network.tokens(&c.web.network.azure, "login.microsoftonline.com", func(public http.RoundTripper) *login.Cache {
		return azure.NewCache(azure.Places(settings.Login), public)
	})
	return err
}

// revision is always the same: an account is nowhere else.
func (*azContainer) revision() string { return "" }

func (c *azContainer) object(key string) *webFile {
	return c.file("/"+key, encodeQuery("versionid", c.name.version))
}

// listing returns a page of List Blobs, with the metadata by which directories are known.
// https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs
func (c *azContainer) listing(prefix, token string, most int) *webFile {
	return c.file("", encodeQuery(
		"restype", "container", "comp", "list", "include", "metadata", "prefix", prefix, "marker", token, "maxresults", countOf(most)))
}

// file returns what is at a path below the container.
func (c *azContainer) file(path, query string) *webFile {
	u := *c.at
	u.Path += "/" + c.name.container + path
	u.RawPath = sigv4.Escape(u.Path, true)
	u.RawQuery = strings.Trim(query+"&"+c.sas, "&")
	return &webFile{web: c.web, url: &u}
}

// sign adds the headers of Azure's to a request, and what proves who asks.
func (c *azContainer) sign(req *http.Request) error {
	req.Header.Set("X-Ms-Version", "2021-12-02")
	req.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	if c.key != nil {
		azure.Sign(req, c.name.account, c.key)
	}
	return addToken(req, c.login)
}

// describeBlob adds the MD5 of the whole blob, which the answer for a part has beside that of the part.
// https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob
func describeBlob(resp *http.Response, info *Info) {
	if d := base64Digest("md5", resp.Header.Get("X-Ms-Blob-Content-Md5")); d != (Digest{}) {
		info.Digests = []Digest{d}
	}
}
