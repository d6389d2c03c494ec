package source

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/bucket"
)

// listing returns a page of ListObjectsV2.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (b *s3Bucket) listing(prefix, token string, most int) *webFile {
	place := b.where()
	u := place.URL()
	u.RawQuery = encodeQuery("list-type", "2", "encoding-type", "url", "prefix", prefix, "continuation-token", token, "max-keys", countOf(most))
	return &webFile{web: b.access(place.Region), url: u}
}

// read reads a page. Of XML it knows what the documentation has, and what must be escaped in keys: encoding/xml would be a
// fifth of the bytes that this source adds to the binary, and takes memory for each element that is open.
func (*s3Bucket) read(text string) (*storePage, error) {
	_, text, found := strings.Cut(text, "<ListBucketResult")
	text, _, ended := strings.Cut(text, "</ListBucketResult>")
	if empty := strings.HasPrefix(text, "/>"); !found || !ended && !empty {
		return nil, errNoListing
	}
	encoded := bucket.Element(text, "EncodingType") == "url"
	page := &storePage{}
	var good bool
	if page.next, good = unescapeXML(bucket.Element(text, "NextContinuationToken")); !good {
		return nil, errNoListing
	}
	for {
		entry, rest, more := strings.Cut(text, "</Contents>")
		if !more {
			return page, nil
		}
		text = rest
		_, entry, _ = strings.Cut(entry, "<Contents>")
		e, good := readS3Entry(entry, encoded)
		if !good {
			return nil, errNoListing
		}
		page.entries = append(page.entries, e)
	}
}

// readS3Entry reads what is in an element Contents.
func readS3Entry(text string, encoded bool) (storeEntry, bool) {
	var e storeEntry
	var good bool
	if e.key, good = unescapeXML(between(text, "<Key>", "</Key>")); !good {
		return e, false
	}
	var err, encoding error
	if encoded {
		e.key, encoding = url.QueryUnescape(e.key)
	}
	if etag, _ := unescapeXML(bucket.Element(text, "ETag")); strings.HasPrefix(etag, `"`) {
		e.validator = etag
	}
	e.size, err = strconv.ParseInt(bucket.Element(text, "Size"), 10, 64)
	return e, err == nil && encoding == nil
}
