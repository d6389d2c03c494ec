package fetch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

const userAgent = "inith"

// web is a file on an HTTP server (RFC 9110).
type web struct {
	file    *File
	fetcher *Fetcher
	url     *url.URL // without user and fragment
	user    *url.Userinfo
	failing func(error) // is told why a request is sent again

	mu     sync.Mutex
	client *retryablehttp.Client // nil: not made yet
	moved  *url.URL              // where url redirected to: asked directly, until it refuses
	asking sync.Mutex            // held while url is asked again
}

func newWeb(f *Fetcher, file *File, u *url.URL, failing func(error)) *web {
	plain := *u
	plain.User, plain.Fragment, plain.RawFragment = nil, "", ""
	return &web{file: file, fetcher: f, url: &plain, user: u.User, failing: failing}
}

func (w *web) Name() string { return redact.URL(w.url) }
func (w *web) Host() string { return credentials.Origin(w.url) }

// Open sends one request, and a second one when the link refuses that the first
// was redirected to earlier: such links expire.
func (w *web) Open(ctx context.Context, r Span, tag string) (*Part, error) {
	refused := w.link()
	if refused == nil {
		return w.open(ctx, w.url, r, tag)
	}
	part, err := w.open(ctx, refused, r, tag)
	if err == nil || errors.Is(err, ErrChanged) || errors.Is(err, ErrNoRange) {
		return part, err
	}
	if !isPermanent(err) { // the next request asks where to go now
		w.mu.Lock()
		w.moved = nil
		w.mu.Unlock()
		return nil, err
	}
	w.asking.Lock() // one asks for all
	defer w.asking.Unlock()
	if link := w.link(); link != nil && link != refused {
		return w.open(ctx, link, r, tag)
	}
	return w.open(ctx, w.url, r, tag)
}

// link returns where the URL redirected to, nil if it did not.
func (w *web) link() *url.URL {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// connect returns the client, which is made at the first call that finds the TLS
// files.
func (w *web) connect() (*retryablehttp.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client != nil {
		return w.client, nil
	}
	var err error
	w.client, err = w.fetcher.client(w.url, w.failing)
	return w.client, err
}

func (w *web) open(ctx context.Context, u *url.URL, r Span, tag string) (*Part, error) {
	req, err := w.request(ctx, u, r, tag)
	if err != nil {
		return nil, err
	}
	client, err := w.connect()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, explain(err)
	}
	part, err := readAnswer(resp, r, tag)
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if final := resp.Request.URL; final.String() != u.String() {
		w.mu.Lock()
		w.moved = final
		w.mu.Unlock()
	}
	return part, nil
}

// request makes a request for a span, without one for the whole.
func (w *web) request(ctx context.Context, u *url.URL, r Span, tag string) (*retryablehttp.Request, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, permanent(&usererr.Error{Text: "not a request that can be sent", Err: err})
	}
	if err := w.authorize(req.Request); err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	// A range of an encoded answer is one of the encoded bytes.
	req.Header.Set("Accept-Encoding", "identity")
	if r == whole() {
		return req, nil
	}
	last := ""
	if r.End >= 0 {
		last = strconv.FormatInt(r.End-1, 10)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", r.Start, last))
	if tag != "" {
		req.Header.Set("If-Range", tag)
	}
	return req, nil
}

// authorize adds what proves who we are, for the origin that it is meant for: the
// files' that of the file's URL, a user's that of the URL that names it. What they
// redirect to gets neither. Files are read each time, since they are mounted and
// rotated meanwhile.
func (w *web) authorize(req *http.Request) error {
	origin := credentials.Origin(req.URL)
	if origin == credentials.Origin(w.file.URL) {
		if err := w.addHeaders(req); err != nil {
			return err
		}
	}
	if w.user == nil || origin != w.Host() {
		return nil
	}
	password, _ := w.user.Password()
	if name := w.file.PasswordFile; name != "" && w.Host() == credentials.Origin(w.file.URL) {
		var err error
		if password, err = credentials.ReadSecret("password file", name); err != nil {
			return err
		}
	}
	req.SetBasicAuth(w.user.Username(), password)
	return nil
}

func (w *web) addHeaders(req *http.Request) error {
	for _, name := range w.file.HeaderFiles {
		header, err := credentials.ReadHeaders(name)
		if r, ok := errors.AsType[*usererr.Error](err); ok && r.Err == nil { // it is there, and wrong
			return permanent(err)
		}
		if err != nil {
			return err
		}
		maps.Copy(req.Header, header)
		if host := header.Get("Host"); host != "" {
			req.Host = host
		}
	}
	if name := w.file.BearerFile; name != "" {
		token, err := credentials.ReadSecret("bearer file", name)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	}
	return nil
}

// readAnswer turns an answer into a part.
func readAnswer(resp *http.Response, r Span, tag string) (*Part, error) {
	if err := statusError(resp); err != nil {
		return nil, err
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, permanent(&usererr.Error{
			Text: "the server sends the file compressed for transport, although asked not to",
			Hint: "its bytes could not be told from those of the file: turn off Content-Encoding for this path",
		})
	}
	part := &Part{Info: info(resp), Body: resp.Body}
	switch resp.StatusCode {
	case http.StatusOK:
		return part, wholePart(part, resp, r, tag)
	case http.StatusPartialContent:
		return part, rangePart(part, resp, r, tag)
	case http.StatusRequestedRangeNotSatisfiable:
		return part, noPart(part, resp, r)
	default:
		return nil, permanent(&usererr.Error{Text: fmt.Sprintf("answered status %d, which is not an answer to this request", resp.StatusCode)})
	}
}

// wholePart reads an answer that holds the whole object.
func wholePart(p *Part, resp *http.Response, r Span, tag string) error {
	p.Size, p.Span = resp.ContentLength, Span{0, resp.ContentLength}
	p.Closed = p.Size < 0 && len(resp.TransferEncoding) == 0
	switch {
	case !sameVersion(p, resp, tag):
		return ErrChanged
	case r.Start > 0:
		return ErrNoRange
	default:
		return nil
	}
}

// rangePart reads an answer that holds a range. What it says of it must fit what
// was asked for: caches and gateways send other ranges, and those of objects that
// are no more.
func rangePart(p *Part, resp *http.Response, r Span, tag string) error {
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "multipart/byteranges" {
		return ErrNoRange
	}
	start, end, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || r == whole(), start > r.Start, end <= r.Start:
		return &usererr.Error{Text: "the server sent another range than the one asked for"}
	case !sameVersion(p, resp, tag):
		return ErrChanged
	}
	p.Size, p.Span, p.Ranged = size, Span{start, end}, true
	return nil
}

// sameVersion reports whether an answer is of the version that a tag is of. An
// answer to If-Range need not repeat a date (RFC 9110, section 15.3.7).
func sameVersion(p *Part, resp *http.Response, tag string) bool {
	if tag == "" || p.Tag == tag {
		return true
	}
	modified := resp.Header.Get("Last-Modified")
	isDate := tag[0] != '"'
	return isDate && (p.Tag == "" || p.Tag[0] != '"') && (modified == tag || modified == "" && resp.StatusCode == http.StatusPartialContent)
}

// noPart reads the answer that there is nothing at an offset: right for an empty
// object, which has no byte to send.
func noPart(p *Part, resp *http.Response, r Span) error {
	if r.Start == 0 && resp.Header.Get("Content-Range") == "bytes */0" {
		_ = p.Body.Close()
		p.Size, p.Span, p.Ranged, p.Body = 0, Span{}, true, http.NoBody
		return nil
	}
	return &usererr.Error{Text: "the server says that the file ends before the byte asked for"}
}

// parseContentRange reads "bytes 0-99/1000" (RFC 9110, section 14.4). The end is
// exclusive, a size that is not told is -1.
func parseContentRange(s string) (start, end, size int64, ok bool) {
	span, total, ok1 := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, last, ok2 := strings.Cut(span, "-")
	start, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	size, err3 := int64(-1), error(nil)
	if total != "*" {
		size, err3 = strconv.ParseInt(total, 10, 64)
	}
	ok = ok1 && ok2 && strings.HasPrefix(s, "bytes ") && errors.Join(err1, err2, err3) == nil &&
		start >= 0 && start <= end && (total == "*" || end < size)
	return start, end + 1, size, ok
}

// info reads what an answer says of the object.
func info(resp *http.Response) Info {
	return Info{Size: -1, Tag: validator(resp.Header), Digests: serverDigests(resp)}
}

// validator returns what tells one version of the object from another, in the
// form of If-Range (RFC 9110, sections 8.8 and 13.1.5): a strong entity tag, or a
// date of modification that is so old that a second change would show.
func validator(h http.Header) string {
	tag := h.Get("ETag")
	if len(tag) >= 2 && tag[0] == '"' {
		return tag
	}
	modified, err1 := http.ParseTime(h.Get("Last-Modified"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err1 != nil || err2 != nil || date.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// serverDigests returns the digests of the whole object that an answer names:
// Repr-Digest (RFC 9530), Digest (RFC 3230), those of Google's and Amazon's
// stores and of Artifactory, and Content-MD5 where the answer is the whole.
// Composite checksums of Amazon's are not of the object's bytes.
func serverDigests(resp *http.Response) []Digest {
	h := resp.Header
	var all []Digest
	add := func(d Digest) {
		if d != (Digest{}) {
			all = append(all, d)
		}
	}
	names := map[string]string{"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5", "crc32c": "crc32c"}
	for _, name := range []string{"Repr-Digest", "Digest", "X-Goog-Hash"} {
		for pair := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			add(base64Digest(names[strings.ToLower(key)], strings.Trim(value, ":")))
		}
	}
	if !strings.EqualFold(h.Get("X-Amz-Checksum-Type"), "COMPOSITE") && !strings.Contains(h.Get("X-Amz-Checksum-Sha256"), "-") {
		add(base64Digest("sha256", h.Get("X-Amz-Checksum-Sha256")))
	}
	add(hexDigest("sha256", h.Get("X-Checksum-Sha256")))
	if resp.StatusCode == http.StatusOK {
		add(base64Digest("md5", h.Get("Content-Md5")))
	}
	return all
}
