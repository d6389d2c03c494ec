package probe

import (
	"cmp"
	"errors"
	"net"
	nethttp "net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// s3Options are those of s3.
type s3Options struct{ passwordFile string }

func (o *s3Options) keys() []target.Key { return []target.Key{target.PasswordFile(&o.passwordFile)} }

// level is state without any key, since the URL names the bucket.
func (*s3Options) level(*spec) Level { return LevelState }

func (o *s3Options) open(s *spec) (Prober, error) {
	at, err := readS3Place(s)
	if err != nil {
		return nil, err
	}
	login, err := o.login(s)
	switch {
	case err != nil:
		return nil, err
	case s.level == LevelTCP:
		return newTCP(s, "tcp", bucketAddress(at)), nil
	}
	login.region = at.Region
	b := &s3{login: login, spec: s}
	h := &http{
		httpOptions: httpOptions{method: nethttp.MethodGet}, spec: s, url: bucketURL(at), tls: tlsconfig.Loader{TLS: s.tls},
		authorization: login.authorize, verdict: b.judge,
	}
	if s.level == LevelProto {
		h.method, h.url.RawQuery = nethttp.MethodHead, ""
	}
	return h, nil
}

// login returns the credentials of the URL, else those of the environment. Without any, requests are not signed.
func (o *s3Options) login(s *spec) (*s3Login, error) {
	user, password := s.url.User.Username(), s.password(o.passwordFile)
	switch {
	case user == "" && password.Given():
		return nil, errors.New("a secret key needs the ID of the key, as in s3://ID@bucket")
	case user != "" && !password.Given():
		return nil, errors.New("the ID of a key needs its secret: write #password-file=")
	case user != "":
		return &s3Login{keyID: user, secret: password.Read, level: s.level}, nil
	}
	keyID, secret := s.variable("AWS_ACCESS_KEY_ID"), s.variable("AWS_SECRET_ACCESS_KEY")
	if (keyID == "") != (secret == "") {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other")
	}
	read := func() (string, error) { return secret, nil }
	return &s3Login{keyID: keyID, secret: read, token: s.variable("AWS_SESSION_TOKEN"), level: s.level}, nil
}

// An s3Login signs requests.
type s3Login struct {
	keyID  string                 // "": requests are not signed
	secret func() (string, error) // read at each attempt
	token  string
	region string
	level  Level
}

func (l *s3Login) signs() bool { return l.keyID != "" && l.level > LevelProto }

func (l *s3Login) authorize(req *nethttp.Request) error {
	if !l.signs() {
		return nil
	}
	secret, err := l.secret()
	switch {
	case err != nil:
		return err
	case !credentials.IsHeaderValue(l.keyID + l.token):
		return &usererr.Error{Text: "the key ID or the session token has characters that a header cannot have"}
	}
	sigv4.Sign(req, sigv4.Credentials{KeyID: l.keyID, Secret: secret, Token: l.token}, sigv4.Scope{Region: l.region, Time: time.Now()})
	return nil
}

// readS3Place reads what a URL says, in the spelling of the Go CDK, else what the environment does.
func readS3Place(s *spec) (*bucket.Place, error) {
	p := &bucket.Place{Name: s.url.Hostname()}
	if err := bucket.CheckName(p.Name); err != nil {
		return nil, err
	}
	switch {
	case s.url.Port() != "":
		return nil, errors.New("a bucket has no port: name the server as in s3://bucket?endpoint=http://minio:9000")
	case strings.Trim(s.url.Path, "/") != "":
		return nil, errors.New("the target is the bucket: remove the path")
	}
	query, err := target.Query(s.url.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := target.SetQuery(query, p.Keys(), s.drop); err != nil {
		return nil, err
	}
	if endpoint := cmp.Or(s.variable("AWS_ENDPOINT_URL_S3"), s.variable("AWS_ENDPOINT_URL")); p.Endpoint == nil && endpoint != "" {
		if p.Endpoint, err = bucket.ParseEndpoint(endpoint); err != nil {
			return nil, errors.New("AWS_ENDPOINT_URL is " + err.Error())
		}
	}
	p.Region = cmp.Or(p.Region, s.variable("AWS_REGION"), s.variable("AWS_DEFAULT_REGION"), bucket.DefaultRegion)
	return p, bucket.CheckRegion(p.Region)
}

// bucketURL returns the URL that lists a bucket. A HEAD of it shows the same, but not why it is refused.
func bucketURL(p *bucket.Place) *url.URL {
	u := p.URL()
	u.RawQuery = "list-type=2&max-keys=1"
	return u
}

// bucketAddress returns where to connect to.
func bucketAddress(p *bucket.Place) string {
	u := p.URL()
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
}
