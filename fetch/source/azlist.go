package source

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/bucket"
)

func (*azContainer) read(text string) (*storePage, error) {
	_, text, found := strings.Cut(text, "<EnumerationResults")
	text, _, ended := strings.Cut(text, "</EnumerationResults>")
	page := &storePage{}
	var good bool
	if page.next, good = unescapeXML(bucket.Element(text, "NextMarker")); !found || !ended || !good {
		return nil, errNoListing
	}
	for {
		blob, rest, more := strings.Cut(text, "</Blob>")
		if !more {
			return page, nil
		}
		text = rest
		_, blob, _ = strings.Cut(blob, "<Blob>")
		e, good := readBlob(blob)
		if !good {
			return nil, errNoListing
		}
		page.entries = append(page.entries, e)
	}
}

// readBlob reads what is in an element Blob. A directory of an account with a hierarchical namespace is one too.
func readBlob(text string) (storeEntry, bool) {
	attribute := between(text, "<Name", ">")
	key, good := unescapeXML(between(text, "<Name"+attribute+">", "</Name>"))
	e := storeEntry{
		key:       key,
		directory: bucket.Element(text, "hdi_isfolder") == "true" || bucket.Element(text, "ResourceType") == "directory",
	}
	var err, encoding error
	if strings.Contains(attribute, `Encoded="true"`) { // it has characters that XML has not
		e.key, encoding = url.PathUnescape(key)
	}
	if etag := strings.Trim(bucket.Element(text, "Etag"), `"`); etag != "" {
		e.validator = `"` + etag + `"`
	}
	e.size, err = strconv.ParseInt(bucket.Element(text, "Content-Length"), 10, 64)
	return e, good && err == nil && encoding == nil
}
