package source

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/google"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/sigv4"
)

// A GCS is Google Cloud Storage: what gs URLs are of. What the query of a URL says overrides it. The zero value is Google's.
type GCS struct {
	Endpoint  *url.URL // that all requests begin at; nil: Google's
	Emulator  bool     // Endpoint is a server for tests, to which no token is sent
	Anonymous bool     // requests have no token
	Login     Google
}

// Google says where the credentials of Google Cloud are looked for, in the order of the fields, by the environment variables of
// Google's own programs. Files are read again for each token. The zero value asks the metadata server of the node only.
type Google struct {
	CredentialsFile string // JSON: a key of a service account, a user's login, or an external identity
	ConfigDir       string // gcloud's, with a file of that kind, which need not exist; "": .config/gcloud in Home
	Home            string // "": there is none
	MetadataHost    string // host or host:port; "": that of the node
	NoMetadata      bool   // the node is not asked
	ProductFile     string // that names the maker of the node; "": Linux's
}

// Check reports an endpoint that can be none.
func (g GCS) Check() error {
	if g.Endpoint == nil {
		return nil
	}
	if _, err := bucket.ParseEndpoint(g.Endpoint.String()); err != nil {
		return fmt.Errorf("STORAGE_EMULATOR_HOST or CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: %w", err)
	}
	return nil
}

// A gsBucket is a bucket, and who asks for its objects. Objects are read by the XML API, whose errors have codes, and listed by the
// JSON API.
// https://cloud.google.com/storage/docs/xml-api/overview
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
type gsBucket struct {
	web   web
	name  gsName
	login *login.Cache // nil: requests have no token
}

func newGS(n *Network, _ Credentials, retrying func(error)) Resolver {
	return newStoreResolver(func(u *url.URL) (*stored, error) { return openGS(web{network: n, tls: n.TLS, retrying: retrying}, u) }, nil)
}

func openGS(w web, u *url.URL) (*stored, error) {
	name, err := parseGSName(u)
	if err != nil {
		return nil, err
	}
	settings := w.network.GCS
	at := name.at(settings.Endpoint)
	b := &gsBucket{web: w, name: name}
	b.web.access.URL = at
	if !settings.Anonymous && !name.anonymous && (!settings.Emulator || name.endpoint != nil) {
		if err := mayGetToken(at, name.endpoint, "googleapis.com"); err != nil {
			return nil, err
		}
		b.login, err = w.network.tokens(&w.network.google, "oauth2.googleapis.com", func(public http.RoundTripper) *login.Cache {
			return google.NewCache(google.Places(settings.Login), public)
		})
		if err != nil {
			return nil, err
		}
	}
	b.web.accepts = "gzip" // else the store decompresses what it keeps compressed: neither ranges nor digests are of that
	b.web.sign, b.web.refusal, b.web.describe = b.sign, b.refusal, b.describe
	return &stored{
		store: b, location: url.URL{Scheme: gsScheme, Host: name.bucket}, key: name.key, pinned: name.generation != "",
		origin: credentials.Origin(at),
	}, nil
}

// mayGetToken reports an endpoint to which a bearer token must not be sent: without TLS, but on this host; and one that the URL
// names alone, since who writes that URL need not be who owns the token.
func mayGetToken(at, inURL *url.URL, domains string) error {
	if login.IsLoopback(at.Hostname()) {
		return nil
	}
	known := inURL == nil
	for domain := range strings.FieldsSeq(domains) {
		known = known || strings.HasSuffix("."+at.Hostname(), "."+domain)
	}
	what := "the URL names an endpoint of its own"
	switch {
	case at.Scheme != "https":
		what = "the endpoint has no TLS"
	case known:
		return nil
	}
	return Permanent(login.Final("Name an https endpoint by an environment variable, or use --no-sign-request.", "%s: inith sends no token there", what))
}

// tokens returns the cache of the tokens of a cloud, whose servers are reached as one with a host is.
func (n *Network) tokens(cache **login.Cache, host string, create func(public http.RoundTripper) *login.Cache) (*login.Cache, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if *cache == nil {
		public, err := n.transport(&url.URL{Scheme: "https", Host: host}, TLS{CAFile: n.TLS.CAFile})
		if err != nil {
			return nil, err
		}
		*cache = create(public)
	}
	return *cache, nil
}

// addToken adds a token to a request.
func addToken(req *http.Request, cache *login.Cache) error {
	if cache == nil {
		return nil
	}
	c, err := cache.Get(req.Context())
	if err != nil {
		return loginError(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	return nil
}

// denied says that the server does not accept a token, which others may have replaced meanwhile.
func denied(resp *http.Response, cache *login.Cache, hint string) error {
	cache.Expired(strings.TrimPrefix(resp.Request.Header.Get("Authorization"), "Bearer "))
	return &againError{refusedForGood(resp.StatusCode, "", "the token is not accepted", hint)}
}

// revision is always the same: a bucket is nowhere else.
func (*gsBucket) revision() string { return "" }

func (b *gsBucket) object(key string) *webFile {
	u := b.url("/" + b.name.bucket + "/" + sigv4.Escape(key, true))
	u.RawQuery = encodeQuery("generation", b.name.generation)
	return &webFile{web: b.web, url: u}
}

// url returns the URL of a path that is encoded.
func (b *gsBucket) url(path string) *url.URL {
	u := &url.URL{Scheme: b.web.access.URL.Scheme, Host: b.web.access.URL.Host, RawPath: path}
	u.Path, _ = url.PathUnescape(path) // it was escaped by us
	return u
}

// sign adds the token. A version is asked for by its generation: the JSON API and the XML API have different ETags.
// https://cloud.google.com/storage/docs/xml-api/reference-headers
func (b *gsBucket) sign(req *http.Request) error {
	if generation := strings.Trim(req.Header.Get("If-Match"), `"`); generation != "" {
		req.Header.Del("If-Match")
		req.Header.Set("X-Goog-If-Generation-Match", generation)
	}
	if b.name.project != "" {
		req.Header.Set("X-Goog-User-Project", b.name.project)
	}
	return addToken(req, b.login)
}

// describe reads the generation, and leaves of two digests the faster one, which is also the one that every object has.
// https://cloud.google.com/storage/docs/data-validation
func (*gsBucket) describe(resp *http.Response, info *Info) {
	info.Validator = generation(resp.Header.Get("X-Goog-Generation"))
	if i := slices.IndexFunc(info.Digests, func(d Digest) bool { return d.Algorithm == "crc32c" }); i >= 0 {
		info.Digests = info.Digests[i : i+1]
	}
}

// generation returns the validator that a generation is, "" if it is none.
func generation(number string) string {
	const longest = 20
	if number == "" || len(number) > longest || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return `"` + number + `"`
}
