package source

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/credentials"
)

// An OCI says how registries of images are reached: what oci URLs are of. The zero value shows no credentials.
type OCI struct {
	ConfigFile     string // config.json of Docker's programs, read again for each login; "": there are no credentials
	ConfigOptional bool   // ConfigFile need not exist
	PlainHTTP      bool   // registries have no TLS, but for URLs that say they do
}

// An ociResolver finds the files that an oci URL means
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
type ociResolver struct {
	network  *Network
	retrying func(error)
	known    map[string]*ociRepository // by URL
}

func newOCI(n *Network, _ Credentials, retrying func(error)) Resolver {
	return &ociResolver{n, retrying, map[string]*ociRepository{}}
}

// Resolve asks for the manifest, for the one of the platform if there are several.
func (o *ociResolver) Resolve(ctx context.Context, u *url.URL) ([]Object, error) {
	r, err := o.repository(u)
	if err != nil {
		return nil, err
	}
	m, err := r.manifest(ctx)
	if err != nil {
		return nil, err
	}
	return r.files(m)
}

// Version returns the digest of the manifest. Of a URL without a digest it is asked for by HEAD, which Docker Hub does not count.
func (o *ociResolver) Version(ctx context.Context, u *url.URL) (string, error) {
	r, err := o.repository(u)
	if err != nil {
		return "", err
	}
	if r.found == (Digest{}) {
		if err := r.findDigest(ctx); err != nil {
			return "", err
		}
	}
	return r.found.String(), nil
}

// Origin returns that of the registry.
func (o *ociResolver) Origin(u *url.URL) string {
	r, err := o.repository(u)
	if err != nil {
		return ""
	}
	return credentials.Origin(r.endpoint)
}

// repository returns what is known of the one that a URL names.
func (o *ociResolver) repository(u *url.URL) (*ociRepository, error) {
	key := u.String()
	if o.known[key] != nil {
		return o.known[key], nil
	}
	name, err := parseOCIName(u)
	if err != nil {
		return nil, err
	}
	r := &ociRepository{endpoint: name.endpoint(o.network.OCI.PlainHTTP), name: name, found: name.digest}
	r.login = &ociLogin{network: o.network, endpoint: r.endpoint, name: name}
	r.web = web{network: o.network, tls: o.network.TLS, access: Credentials{URL: r.endpoint}, retrying: o.retrying, prepare: r.prepare, refusal: r.refusal}
	o.known[key] = r
	return r, nil
}

// An ociRepository is a repository of a registry, and what is known of what a URL names in it.
type ociRepository struct {
	web      web
	endpoint *url.URL
	login    *ociLogin
	name     ociName
	found    Digest // of the manifest that the URL names; zero: not asked for yet
}

// prepare completes a request to the registry.
func (r *ociRepository) prepare(req *http.Request) error {
	if strings.Contains(req.URL.Path, "/manifests/") {
		req.Header.Set("Accept", strings.Join([]string{ociManifestType, ociIndexType, dockerManifestType, dockerIndexType}, ", "))
	}
	return r.login.add(req)
}

func (r *ociRepository) api(what, reference string) *url.URL {
	return r.endpoint.JoinPath("v2", r.name.repository, what, reference)
}

// findDigest asks which manifest a tag is of now.
func (r *ociRepository) findDigest(ctx context.Context) error {
	resp, err := r.send(ctx, r.name.reference(), true)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if r.found = ociDigest(resp.Header.Get("Docker-Content-Digest")); r.found == (Digest{}) { // which the registry need not send
		_, r.found, err = r.get(ctx, r.name.reference(), Digest{})
	}
	return err
}

// manifest returns the manifest that has the layers.
func (r *ociRepository) manifest(ctx context.Context) (*ociManifest, error) {
	b, sum, err := r.get(ctx, r.name.reference(), r.name.digest)
	if err != nil {
		return nil, err
	}
	r.found = sum
	m, err := parseManifest(b)
	if err != nil || len(m.Manifests) == 0 {
		return m, permanent(err)
	}
	if sum, err = m.choose(r.name.wantedPlatform()); err != nil {
		return nil, Permanent(err)
	}
	if b, _, err = r.get(ctx, sum.String(), sum); err != nil {
		return nil, err
	}
	m, err = parseManifest(b)
	if err == nil && len(m.Manifests) > 0 {
		err = notARegistry("an index in an index")
	}
	return m, permanent(err)
}

// permanent is [Permanent], nil for nil.
func permanent(err error) error {
	if err == nil {
		return nil
	}
	return Permanent(err)
}

// get reads a manifest, and compares it with the digest that it must have: the zero Digest is none. It returns the digest that
// the bytes have.
func (r *ociRepository) get(ctx context.Context, reference string, want Digest) ([]byte, Digest, error) {
	const most = 4 << 20 // bytes: what registries accept
	resp, err := r.send(ctx, reference, false)
	if err != nil {
		return nil, Digest{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, Digest{}, explain(err)
	case len(b) > most:
		return nil, Digest{}, Permanent(notARegistry("a manifest of more than 4 MiB"))
	}
	algorithm := "sha256"
	if want != (Digest{}) {
		algorithm = want.Algorithm
	}
	h := NewHash(algorithm)
	_, _ = h.Write(b)
	sum := NewDigest(algorithm, h)
	if want != (Digest{}) && sum != want {
		return nil, Digest{}, Permanent(&MismatchError{Want: want, Got: sum})
	}
	return b, sum, nil
}

// send asks for a manifest, or for what is known of it.
func (r *ociRepository) send(ctx context.Context, reference string, head bool) (*http.Response, error) {
	return again(func() (*http.Response, error) {
		file := &webFile{web: r.web, url: r.api("manifests", reference)}
		resp, err := file.send(ctx, file.url, request{n: Whole, head: head})
		if err == nil {
			err = file.refused(resp)
		}
		if err == nil {
			if err = statusError(resp); err != nil {
				_ = resp.Body.Close()
			}
		}
		if err != nil {
			return nil, err
		}
		return resp, nil
	})
}

// An ociFile is a blob. Its bytes never change: its name is their digest.
type ociFile struct {
	*ociRepository
	path string // of the file; "": the blob has no name
	info Info

	mu  sync.Mutex
	web *webFile // nil: not opened yet
}

func (r *ociRepository) blob(path string, sum Digest, size int64) *ociFile {
	return &ociFile{ociRepository: r, path: path, info: Info{Size: size, Validator: sum.String(), Digests: []Digest{sum}}}
}

// Name returns the URL of the file; of a blob without a name that of the repository, with its digest.
func (f *ociFile) Name() string {
	if f.path == "" {
		return ociScheme + "://" + f.name.host + "/" + f.name.repository + "@" + f.info.Validator
	}
	return ociScheme + "://" + f.name.String() + "/" + strings.Join(escaped(strings.Split(f.path, "/")), "/")
}

func (f *ociFile) Origin() string { return credentials.Origin(f.endpoint) }

// Stat sends no request: the manifest has all that there is to know.
func (f *ociFile) Stat(context.Context) (Info, error) { return f.info, nil }

// Open asks for the blob. What the manifest says of its size holds, not what the server of the bytes does.
func (f *ociFile) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	if validator != "" && validator != f.info.Validator {
		return nil, ErrChanged
	}
	part, err := again(func() (*Part, error) { return f.bytes().Open(ctx, off, n, "") })
	if err != nil {
		return nil, err
	}
	return part.of(f.info, "manifest", "registry")
}

func (f *ociFile) bytes() *webFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.web == nil {
		f.web = &webFile{web: f.ociRepository.web, url: f.api("blobs", f.info.Validator)}
	}
	return f.web
}
