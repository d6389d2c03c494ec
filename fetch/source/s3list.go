package source

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// Bounds of a listing.
const (
	maxS3Pages = 10_000
	maxS3Page  = 8 << 20 // bytes; of 1,000 keys of 1,024 bytes, each percent-encoded, some 4 MiB
)

// An s3Page is an answer of ListObjectsV2.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
type s3Page struct {
	entries []s3Entry
	encoded bool   // the keys are
	next    string // the token of the next page; "": there is none
}

type s3Entry struct {
	key  string
	etag string
	size int64
}

// An s3Listing is the part of a listing that the bucket has sent so far.
type s3Listing struct {
	*s3Bucket
	objects []Object
	token   string // of the page to ask for; "": the first
	pages   int
}

// list returns all objects. A key that ends in a slash and has no bytes stands for a directory in some tools: it is not a file.
func (l *s3Listing) list(ctx context.Context) ([]Object, error) {
	for ; l.pages < maxS3Pages; l.pages++ {
		page, err := again(func() (*s3Page, error) { return l.page(ctx, l.name.key, l.token, 0) })
		if err != nil {
			return nil, err
		}
		for _, e := range page.entries {
			if strings.HasSuffix(e.key, "/") && e.size == 0 {
				continue
			}
			if len(l.objects) == maxListed {
				return nil, Permanent(tooManyFiles())
			}
			l.objects = append(l.objects, l.entry(l.name.key, e))
		}
		switch page.next {
		case "":
			return l.objects, nil
		case l.token:
			return nil, Permanent(notS3("a listing that begins again"))
		}
		l.token = page.next
	}
	return nil, Permanent(notS3("a listing without an end"))
}

// entry returns an object of the listing. Its name is the server's: the caller checks it before it becomes a path.
func (b *s3Bucket) entry(prefix string, e s3Entry) Object {
	info := Info{Size: e.size}
	if strings.HasPrefix(e.etag, `"`) {
		info.Validator = e.etag
	}
	shown := redact.URL(&url.URL{Scheme: s3Scheme, Host: b.name.place.Name, Path: "/" + e.key})
	name := strings.TrimPrefix(e.key, prefix)
	if name == "" {
		name = "/" // bytes with the name of the directory
	}
	return Object{Name: name, Size: e.size, Validator: info.Validator, Source: b.object(e.key, shown, info)}
}

// any reports whether there is a key that begins so.
func (b *s3Bucket) any(ctx context.Context, prefix string) (bool, error) {
	page, err := again(func() (*s3Page, error) { return b.page(ctx, prefix, "", 1) })
	return err == nil && len(page.entries) > 0, err
}

// page asks for a page of the listing, with so many keys at most; zero: 1,000.
func (b *s3Bucket) page(ctx context.Context, prefix, token string, most int) (*s3Page, error) {
	place := b.where()
	u := place.URL()
	query := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "prefix": {prefix}}
	if token != "" {
		query.Set("continuation-token", token)
	}
	if most > 0 {
		query.Set("max-keys", strconv.Itoa(most))
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // as it is signed
	file := &webFile{web: b.access(place.Region), url: u}
	resp, err := file.send(ctx, u, request{n: Whole})
	if err != nil {
		return nil, err
	}
	if err := file.refused(resp); err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := statusError(resp); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	page, err := readS3Page(resp.Body)
	if err != nil {
		return nil, err
	}
	return page, page.decode(prefix)
}

// readS3Page reads a page. Of XML it knows what the documentation has, and what must be escaped in keys: encoding/xml would be a
// fifth of the bytes that this source adds to the binary, and takes memory for each element that is open.
func readS3Page(body io.Reader) (*s3Page, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxS3Page))
	if err != nil {
		return nil, explain(err)
	}
	_, text, found := strings.Cut(string(b), "<ListBucketResult")
	text, _, ended := strings.Cut(text, "</ListBucketResult>")
	if empty := strings.HasPrefix(text, "/>"); !found || !ended && !empty {
		return nil, Permanent(notS3("no listing"))
	}
	page := &s3Page{encoded: bucket.Element(text, "EncodingType") == "url"}
	var good bool
	if page.next, good = unescapeXML(bucket.Element(text, "NextContinuationToken")); !good {
		return nil, Permanent(notS3("no listing"))
	}
	for {
		entry, rest, more := strings.Cut(text, "</Contents>")
		if !more {
			return page, nil
		}
		text = rest
		_, entry, _ = strings.Cut(entry, "<Contents>")
		e, good := readS3Entry(entry)
		if !good {
			return nil, Permanent(notS3("no listing"))
		}
		page.entries = append(page.entries, e)
	}
}

// readS3Entry reads what is in an element Contents.
func readS3Entry(text string) (s3Entry, bool) {
	var e s3Entry
	var good bool
	if e.key, good = unescapeXML(between(text, "<Key>", "</Key>")); !good {
		return e, false
	}
	e.etag, _ = unescapeXML(bucket.Element(text, "ETag"))
	var err error
	e.size, err = strconv.ParseInt(bucket.Element(text, "Size"), 10, 64)
	return e, err == nil
}

// between returns what stands between two strings, white space included.
func between(text, start, end string) string {
	_, after, _ := strings.Cut(text, start)
	value, _, _ := strings.Cut(after, end)
	return value
}

// unescapeXML returns the text of an element, and whether it is one: references to characters are replaced.
// https://www.w3.org/TR/xml/#sec-references
func unescapeXML(text string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String(), !strings.Contains(before, "<")
		}
		name, rest, ended := strings.Cut(after, ";")
		char, known := xmlCharacter(name)
		if !ended || !known || strings.Contains(before, "<") {
			return "", false
		}
		b.WriteRune(char)
		text = rest
	}
}

func xmlCharacter(name string) (rune, bool) {
	const bits = 21
	if char, known := map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}[name]; known {
		return char, true
	}
	digits, numeric := strings.CutPrefix(name, "#")
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, bits)
	return rune(n), numeric && err == nil && n > 0
}

// decode reads the keys, and refuses those that were not asked for.
func (p *s3Page) decode(prefix string) error {
	for i := range p.entries {
		e := &p.entries[i]
		if p.encoded {
			var err error
			if e.key, err = url.QueryUnescape(e.key); err != nil {
				return Permanent(notS3("keys that are not encoded"))
			}
		}
		if e.key == "" || !strings.HasPrefix(e.key, prefix) || e.size < 0 {
			return Permanent(notS3("keys that were not asked for"))
		}
	}
	return nil
}

// notS3 is the error for an answer that S3 does not give.
func notS3(got string) error {
	return &usererr.Error{
		Text: "the answer is not understood: " + got,
		Hint: "is the endpoint that of S3, or of a server with its API? Is a proxy between?",
	}
}
