package probe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	nethttp "net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

const userAgent = "inith"

// httpOptions are those of http and https.
type httpOptions struct {
	status       statusSet
	body         *regexp.Regexp // nil: any
	json         *jsonCondition // nil: none
	method       string
	headerFile   string
	passwordFile string
	h2c          bool
}

func (o *httpOptions) keys() []target.Key {
	return []target.Key{
		{
			Name: "status", State: true, Usage: "status codes that mean ready, such as `200-299,401` (default 200-399)",
			Set: func(value string) (err error) {
				o.status, err = parseStatus(value)
				return err
			},
		},
		{
			Name: "body", State: true, Usage: "regular expression (RE2) that the first MiB of the body must match",
			Set: func(value string) (err error) {
				if o.body, err = regexp.Compile(value); err != nil {
					return errors.New("not a regular expression (RE2 syntax)")
				}
				return nil
			},
		},
		{
			Name: "json", State: true, Usage: "comparison with a value in the JSON of the body, such as `.status.ready==true`",
			Set: func(value string) (err error) {
				o.json, err = parseJSONCondition(value)
				return err
			},
		},
		{Name: "method", Usage: "request method (default GET)", Set: o.setMethod},
		headerFileKey(&o.headerFile),
		target.PasswordFile(&o.passwordFile),
		{Name: "h2c", Flag: true, Usage: "HTTP/2 without TLS (http only)", Set: target.Bool(&o.h2c)},
	}
}

func headerFileKey(to *string) target.Key {
	return target.Key{
		Name: "header-file", Set: target.String(to), Usage: "file of `Name: value` lines, which inith sends to this origin only",
	}
}

func (o *httpOptions) setMethod(value string) error {
	if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return errors.New("not a method such as GET or HEAD")
	}
	o.method = value
	return nil
}

func (*httpOptions) level(*spec) Level { return LevelState }

func (o *httpOptions) open(s *spec) (Prober, error) {
	o.method = cmp.Or(o.method, nethttp.MethodGet)
	switch {
	case s.url.Hostname() == "":
		return nil, errors.New("missing host")
	case o.h2c && s.url.Scheme != "http":
		return nil, errors.New("h2c is HTTP/2 without TLS: it belongs to http")
	case o.method == nethttp.MethodHead && (o.body != nil || o.json != nil):
		return nil, errors.New("an answer to HEAD has no body to match")
	case s.level == LevelTCP:
		return openPort(s)
	}
	if o.status == nil {
		o.status = statusSet{{200, 399}}
	}
	u := *s.url
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.Host = strings.TrimSuffix(u.Host, ":"+s.kind.port) // as others write the Host header
	h := &http{
		httpOptions: *o, spec: s, url: &u, tls: tlsconfig.Loader{TLS: s.tls},
		password: s.password(o.passwordFile),
	}
	h.verdict = h.judge
	return h, h.checkCredentials()
}

// checkCredentials reports a password that would not be sent, and a header file that exists and is
// malformed. One that is missing may be mounted a moment later.
func (h *http) checkCredentials() error {
	if h.passwordFile != "" && h.spec.url.User == nil && !h.bearer {
		return errors.New("password-file needs a user in the URL, as in http://user@host")
	}
	if h.headerFile == "" {
		return nil
	}
	if _, err := credentials.ReadHeaders(h.headerFile); errors.Is(err, credentials.ErrFormat) {
		return err
	}
	return nil
}

// http speaks HTTP/1.1, HTTP/2 over TLS, and with h2c HTTP/2 in the clear (RFC
// 9113, prior knowledge). Each attempt is a connection of its own: a kept one
// would hide a rolling update behind a load balancer.
type http struct {
	httpOptions

	spec     *spec
	url      *url.URL // without user and fragment
	tls      tlsconfig.Loader
	password credentials.Password
	bearer   bool           // a password without a user is a token
	header   nethttp.Header // beside those of the options
	payload  []byte         // of the request
	// authorization adds the credentials to a request; nil: user and password
	authorization func(req *nethttp.Request) error
	verdict       func(resp *nethttp.Response) error
}

func (h *http) Probe(ctx context.Context) error {
	req, err := h.request(ctx)
	if err != nil {
		return err
	}
	transport := &hop{http: h}
	defer transport.close()
	client := nethttp.Client{Transport: transport, CheckRedirect: h.redirect}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		if h.spec.url.Scheme == "http" && !h.h2c && h.spec.dialer.heardHTTP2() {
			return &usererr.Error{Text: "the server answers HTTP/2 only", Hint: "add #h2c to the URL", Err: err}
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return h.verdict(resp)
}

func (h *http) request(ctx context.Context) (*nethttp.Request, error) {
	req, err := nethttp.NewRequestWithContext(ctx, h.method, h.url.String(), bytes.NewReader(h.payload))
	if err != nil {
		return nil, Permanent(&usererr.Error{Text: "not a request that can be sent", Err: err})
	}
	req.Header.Set("User-Agent", userAgent)
	maps.Copy(req.Header, h.header)
	if h.headerFile != "" {
		header, err := credentials.ReadHeaders(h.headerFile)
		if errors.Is(err, credentials.ErrFormat) {
			return nil, Permanent(err)
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(req.Header, header)
		if host := header.Get("Host"); host != "" {
			req.Host = host
		}
	}
	return req, h.authorize(req)
}

// authorize adds the user and the password to a request.
func (h *http) authorize(req *nethttp.Request) error {
	if h.authorization != nil {
		return h.authorization(req)
	}
	user := h.spec.url.User
	if user == nil && h.passwordFile == "" {
		return nil
	}
	password, err := h.password.Read()
	switch {
	case err != nil:
		return err
	case !h.bearer || user.Username() != "":
		req.SetBasicAuth(user.Username(), password)
	case !credentials.IsHeaderValue(password):
		return &usererr.Error{Text: "the token has characters that a header cannot have", Hint: "check the file with the token"}
	default:
		req.Header.Set("Authorization", "Bearer "+password)
	}
	return nil
}
