package source

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/aws"
	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/sigv4"
)

// An S3 is Amazon's S3, or another server with its API: what s3 URLs are of. What the query of a URL says overrides it. The
// zero value is Amazon's.
type S3 struct {
	Endpoint     *url.URL // that all requests begin at; nil: Amazon's, of the region
	Region       string   // "": that of the profile, else us-east-1
	VirtualHosts bool     // the bucket is in the host's name, also at an endpoint of others
	TLS          TLS      // zero: that of the [Network]
	Anonymous    bool     // requests are not signed
	Login        AWS
}

// AWS says where the credentials of AWS are looked for, in the order of the fields, by the environment variables of Amazon's own
// programs. Files are read again for each request. The zero value asks the metadata of the instance only.
type AWS struct {
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
	ContainerTokenFile string // of that token; instead of ContainerToken

	MetadataEndpoint string // a URL; "": that of EC2
	NoMetadata       bool   // the instance is not asked
}

// Check reports an endpoint or a region that can be none.
func (s S3) Check() error {
	if s.Endpoint != nil {
		if _, err := bucket.ParseEndpoint(s.Endpoint.String()); err != nil {
			return fmt.Errorf("AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL: %w", err)
		}
	}
	return bucket.CheckRegion(s.Region)
}

// An s3Bucket is a bucket, and who asks for its objects.
type s3Bucket struct {
	web   web
	name  s3Name
	login *aws.Login // nil: requests are not signed

	mu    sync.Mutex
	place bucket.Place // its region may be corrected once
	moved bool
}

// An s3Opener finds the bucket that an s3 URL names.
type s3Opener struct{ web web }

func newS3(n *Network, _ Credentials, retrying func(error)) Resolver {
	o := &s3Opener{web{network: n, tls: cmp.Or(n.S3.TLS, n.TLS), retrying: retrying}}
	return newStoreResolver(o.open, o.origin)
}

// origin returns that of the bucket, as far as it is known without a request or a file.
func (o *s3Opener) origin(u *url.URL) string {
	name, err := parseS3Name(u)
	if err != nil {
		return ""
	}
	settings := o.web.network.S3
	place := name.place
	place.Endpoint, place.Region = cmp.Or(place.Endpoint, settings.Endpoint), cmp.Or(place.Region, settings.Region)
	return credentials.Origin(place.URL())
}

func (o *s3Opener) open(u *url.URL) (*stored, error) {
	b, err := o.bucket(u)
	if err != nil {
		return nil, err
	}
	return &stored{
		store: b, location: url.URL{Scheme: s3Scheme, Host: b.name.place.Name}, key: b.name.key, pinned: b.name.version != "",
		origin: credentials.Origin(b.web.access.URL), wholeFirst: true,
	}, nil
}

// bucket returns the bucket of a URL.
func (o *s3Opener) bucket(u *url.URL) (*s3Bucket, error) {
	name, err := parseS3Name(u)
	if err != nil {
		return nil, err
	}
	settings := o.web.network.S3
	b := &s3Bucket{web: o.web, name: name, place: name.place}
	b.place.Endpoint = cmp.Or(b.place.Endpoint, settings.Endpoint)
	if b.place.Style == "" && settings.VirtualHosts {
		b.place.Style = bucket.InHost
	}
	if b.place.Region == "" {
		if b.place.Region, err = settings.region(); err != nil {
			return nil, loginError(err)
		}
	}
	b.web.access.URL = b.place.URL()
	if !settings.Anonymous && !name.anonymous {
		b.login, err = o.web.network.awsLogin(b.place.Region)
	}
	return b, err
}

// region returns the one that is set.
func (s S3) region() (string, error) {
	if s.Region != "" {
		return s.Region, nil
	}
	region, err := aws.Places(s.Login).Setting("region")
	if err == nil {
		err = bucket.CheckRegion(region)
	}
	if region == "" {
		region = bucket.DefaultRegion
	}
	return region, err
}

// awsLogin returns the login of all s3 URLs.
func (n *Network) awsLogin(region string) (*aws.Login, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.login == nil {
		toSTS, err := n.transport(&url.URL{Scheme: "https", Host: "sts." + region + "." + bucket.Domain(region)}, TLS{CAFile: n.TLS.CAFile})
		if err != nil {
			return nil, err
		}
		n.login = aws.NewLogin(aws.Places(n.S3.Login), region, toSTS)
	}
	return n.login, nil
}

// where returns the place as it is known now.
func (b *s3Bucket) where() bucket.Place {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.place
}

// moveTo corrects the region, once. It reports whether the bucket is looked for in another one than from now.
func (b *s3Bucket) moveTo(from, to string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.moved && b.place.Region == from {
		b.place.Region, b.moved = to, true
	}
	return b.place.Region != from
}

// revision returns the region where the bucket is known to be.
func (b *s3Bucket) revision() string { return b.where().Region }

func (b *s3Bucket) object(key string) *webFile {
	place := b.where()
	u := place.ObjectURL(key)
	u.RawQuery = encodeQuery("versionId", b.name.version)
	return &webFile{web: b.access(place.Region), url: u}
}

// access returns how requests are sent to a region.
func (b *s3Bucket) access(region string) web {
	w := b.web
	w.sign = func(req *http.Request) error { return b.sign(req, region) }
	w.refusal = func(resp *http.Response) error { return b.refusal(resp, region) }
	w.describe = b.describe
	return w
}

// sign adds the headers of Amazon's to a request, the signature last.
func (b *s3Bucket) sign(req *http.Request, region string) error {
	if b.name.requesterPays {
		req.Header.Set("X-Amz-Request-Payer", "requester")
	}
	if !req.URL.Query().Has("list-type") {
		req.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
	if b.login == nil {
		return nil
	}
	c, err := b.login.Get(req.Context())
	if err != nil {
		return loginError(err)
	}
	sigv4.Sign(req, c, sigv4.Scope{Region: region, Time: time.Now()})
	return nil
}

// describe adds the MD5 of an object to an answer without a checksum: Amazon's ETag is one, unless the object was uploaded in parts or
// is encrypted by another key than the store's own. Others put there what they like.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func (b *s3Bucket) describe(resp *http.Response, info *Info) {
	encryption := resp.Header.Get("X-Amz-Server-Side-Encryption")
	kms := encryption != "" && encryption != "AES256" || resp.Header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != ""
	express := strings.HasSuffix(b.name.place.Name, "--x-s3") || strings.HasSuffix(b.name.place.Name, "--ol-s3")
	if len(info.Digests) > 0 || b.where().Endpoint != nil || kms || express {
		return
	}
	if d := hexDigest("md5", strings.Trim(resp.Header.Get("ETag"), `"`)); d != (Digest{}) {
		info.Digests = []Digest{d}
	}
}
