package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

const userAgent = "inith"

// A web finds the file that an http or https URL means (RFC 9110).
type web struct {
	network  *Network
	tls      TLS
	access   Credentials
	token    string                     // sent to the origin of access instead of its files; "": none
	retrying func(error)                // is called with why a request is sent again
	refusal  func(*http.Response) error // says what an answer means to who knows the server, nil if it does not; nil: nobody does

	// Sign completes a request, which is for its URL alone then: no redirect is followed. nil: nothing is signed.
	sign func(*http.Request) error
	// Prepare completes a request to the origin of access, which may be redirected to another. nil: nothing is missing.
	prepare func(*http.Request) error
	// Describe adds what only the resolver of a server can read in its answer. nil: nothing.
	describe func(*http.Response, *Info)
	// Accepts is the encoding of answers that is asked for; "": identity.
	accepts string
}

func newWeb(n *Network, c Credentials, retrying func(error)) Resolver {
	return &web{network: n, tls: n.TLS, access: c, retrying: retrying}
}

// Resolve returns the one file of a URL. It sends nothing.
func (w *web) Resolve(_ context.Context, u *url.URL) ([]Object, error) {
	plain := *u
	plain.User, plain.Fragment, plain.RawFragment = nil, "", ""
	return []Object{{Size: -1, Source: &webFile{web: *w, url: &plain, user: u.User}}}, nil
}

// Origin returns none: Resolve sends nothing.
func (*web) Origin(*url.URL) string { return "" }

// A webFile is a file on an HTTP server.
type webFile struct {
	web  web
	url  *url.URL // without user and fragment
	user *url.Userinfo

	mu     sync.Mutex
	client *client     // nil: not made yet
	moved  *url.URL    // where url redirected to: asked directly, until it refuses
	asking sync.Mutex  // held while url is asked again
	ranged atomic.Bool // it has sent a part
}

// A request is what [Source.Open] asks for.
type request struct {
	off, n    int64
	validator string
	head      bool // without the bytes
}

func (f *webFile) Name() string   { return redact.URL(f.url) }
func (f *webFile) Origin() string { return credentials.Origin(f.url) }

// Identity returns the URL, unless it has a query: a signature in it is another one each time.
func (f *webFile) Identity() string {
	if f.url.RawQuery != "" {
		return ""
	}
	return f.url.String()
}

// Stat asks for the first byte: many servers refuse HEAD, and signed links are for GET.
func (f *webFile) Stat(ctx context.Context) (Info, error) {
	part, err := f.Open(ctx, 0, 1, "")
	if err != nil {
		return Info{}, err
	}
	return part.Info, part.Body.Close()
}

// Open sends one request, and a second one when the link refuses that the first
// was redirected to earlier: such links expire.
func (f *webFile) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	r := request{off: off, n: n, validator: validator}
	refused := f.link()
	if refused == nil {
		return f.open(ctx, f.url, r)
	}
	part, err := f.open(ctx, refused, r)
	if err == nil || errors.Is(err, ErrChanged) || errors.Is(err, ErrNoRange) {
		return part, err
	}
	if !IsPermanent(err) { // the next request asks where to go now
		f.mu.Lock()
		f.moved = nil
		f.mu.Unlock()
		return nil, err
	}
	f.asking.Lock() // one asks for all
	defer f.asking.Unlock()
	if link := f.link(); link != nil && link != refused {
		if part, err := f.open(ctx, link, r); err == nil || !IsPermanent(err) {
			return part, err
		} // it has expired as well, while others asked
	}
	return f.open(ctx, f.url, r)
}

// link returns where the URL redirected to, nil if it did not.
func (f *webFile) link() *url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.moved
}

// connect returns the client, which is made at the first call that finds the TLS
// files.
func (f *webFile) connect() (*client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client != nil {
		return f.client, nil
	}
	var err error
	f.client, err = f.web.network.client(clientKey{credentials.Origin(f.url), f.web.tls}, f.url, f.web.retrying)
	return f.client, err
}

func (f *webFile) open(ctx context.Context, u *url.URL, r request) (*Part, error) {
	resp, err := f.send(ctx, u, r)
	if err == nil {
		err = f.refused(resp)
	}
	if err == nil && r.n != Whole && !f.ranged.Load() && mayRefuseRange(resp, r) {
		resp, r = f.withoutRange(ctx, u, r, resp)
	}
	if err != nil {
		return nil, err
	}
	part, err := readAnswer(resp, r, f.web.describe)
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if resp.StatusCode == http.StatusPartialContent {
		f.ranged.Store(true)
	}
	if final := resp.Request.URL; final.String() != u.String() {
		f.mu.Lock()
		f.moved = final
		f.mu.Unlock()
	}
	return part, nil
}

// refused returns what a refusal means to who knows the server, nil if nobody does.
func (f *webFile) refused(resp *http.Response) error {
	if f.web.refusal == nil {
		return nil
	}
	err := f.web.refusal(resp)
	if err != nil {
		_ = resp.Body.Close()
	}
	return err
}

// withoutRange asks for the whole object, once. It returns the first answer if that is
// refused too.
func (f *webFile) withoutRange(ctx context.Context, u *url.URL, r request, first *http.Response) (*http.Response, request) {
	whole, err := f.send(ctx, u, request{n: Whole, validator: r.validator})
	if err != nil {
		return first, r
	}
	if !isWhole(whole) {
		_ = whole.Body.Close()
		return first, r
	}
	_ = first.Body.Close()
	return whole, request{off: r.off, n: Whole, validator: r.validator}
}

// send returns the answer to a request.
func (f *webFile) send(ctx context.Context, u *url.URL, r request) (*http.Response, error) {
	client, err := f.connect()
	if err != nil {
		return nil, err
	}
	wait := cmp.Or(f.web.network.HeaderWait, DefaultHeaderWait)
	return hedged(ctx, wait, func(ctx context.Context) (*http.Response, error) {
		req, err := f.newRequest(ctx, u, r)
		if err != nil {
			return nil, err
		}
		client.cookies.add(req.Request)
		resp, err := client.Do(req)
		if err != nil {
			return nil, explain(err)
		}
		return resp, nil
	})
}

func (f *webFile) newRequest(ctx context.Context, u *url.URL, r request) (*retryablehttp.Request, error) {
	method := http.MethodGet
	if r.head {
		method = http.MethodHead
	}
	if f.web.sign != nil {
		ctx = context.WithValue(ctx, staysKey{}, true)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, Permanent(&usererr.Error{Text: "not a request that can be sent", Err: err})
	}
	if err := f.authorize(req.Request); err != nil {
		return nil, err
	}
	f.setRange(req.Header, r)
	if f.web.sign != nil {
		if err := f.web.sign(req.Request); err != nil {
			return nil, err
		}
	}
	req.Header.Set("User-Agent", userAgent)
	// A range of an encoded answer is one of the encoded bytes. It is not signed: some gateways change it.
	req.Header.Set("Accept-Encoding", cmp.Or(f.web.accepts, "identity"))
	return req, nil
}

// setRange asks for a part, of the version that a validator stands for. What is signed is for stores, which refuse to send
// another version; others know If-Range alone, and send all of it.
func (f *webFile) setRange(h http.Header, r request) {
	if f.web.sign != nil && r.validator != "" {
		condition := "If-Unmodified-Since"
		if isEntityTag(r.validator) {
			condition = "If-Match"
		}
		h.Set(condition, r.validator)
	}
	if r.n == Whole {
		return
	}
	last := ""
	if r.n >= 0 {
		last = strconv.FormatInt(r.off+r.n-1, 10)
	}
	h.Set("Range", fmt.Sprintf("bytes=%d-%s", r.off, last))
	if f.web.sign == nil && r.validator != "" {
		h.Set("If-Range", r.validator)
	}
}

// authorize adds what proves who we are, for the origin that it is meant for: the
// files' that of the file's URL, a user's that of the URL that names it. What they
// redirect to gets neither. Files are read each time, since they are mounted and
// rotated meanwhile.
func (f *webFile) authorize(req *http.Request) error {
	origin := credentials.Origin(req.URL)
	if origin == credentials.Origin(f.web.access.URL) {
		if err := f.addHeaders(req); err != nil {
			return err
		}
		if f.web.prepare != nil {
			return f.web.prepare(req)
		}
	}
	if f.user == nil || origin != f.Origin() {
		return nil
	}
	password, _ := f.user.Password()
	if name := f.web.access.PasswordFile; name != "" && f.Origin() == credentials.Origin(f.web.access.URL) {
		var err error
		if password, err = credentials.ReadSecret("password file", name); err != nil {
			return err
		}
	}
	req.SetBasicAuth(f.user.Username(), password)
	return nil
}

func (f *webFile) addHeaders(req *http.Request) error {
	if f.web.token != "" {
		req.Header.Set("Authorization", "Bearer "+f.web.token)
	}
	maps.Copy(req.Header, f.web.access.Headers)
	for _, name := range f.web.access.HeaderFiles {
		header, err := credentials.ReadHeaders(name)
		if err != nil {
			return unreadable(err)
		}
		maps.Copy(req.Header, header)
		if host := header.Get("Host"); host != "" {
			req.Host = host
		}
	}
	if name := f.web.access.BearerFile; name != "" {
		token, err := credentials.ReadToken("bearer file", name)
		if err != nil {
			return unreadable(err)
		}
		if token == "" {
			return &usererr.Error{Text: fmt.Sprintf("bearer file %q is empty", name)}
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// unreadable says whether it is of use to try again: not if a file exists and is malformed.
func unreadable(err error) error {
	if errors.Is(err, credentials.ErrFormat) {
		return Permanent(err)
	}
	return err
}

// Check reports files that exist and are malformed. Those that are missing may be mounted
// a moment later. Its errors quote no secret.
func (c Credentials) Check() error {
	given := len(c.HeaderFiles) > 0 || c.BearerFile != "" || c.PasswordFile != ""
	switch {
	case c.URL != nil && slices.Contains([]string{s3Scheme, gsScheme, azScheme}, c.URL.Scheme) && given:
		return fmt.Errorf("header, bearer and password files are not for %s URLs, whose requests are signed", c.URL.Scheme)
	case c.URL != nil && c.URL.Scheme == ociScheme && given:
		return errors.New("header, bearer and password files are not for oci URLs: credentials come from a config.json of Docker's (--registry-config)")
	}
	var errs []error
	for _, name := range c.HeaderFiles {
		_, err := credentials.ReadHeaders(name)
		errs = append(errs, err)
	}
	if c.BearerFile != "" {
		_, err := credentials.ReadToken("bearer file", c.BearerFile)
		errs = append(errs, err)
	}
	i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, credentials.ErrFormat) })
	if i < 0 {
		return nil
	}
	return errs[i]
}
