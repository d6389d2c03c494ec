package source

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/usererr"
)

// readAnswer turns an answer into a part. Describe may be nil.
func readAnswer(resp *http.Response, r request, describe func(*http.Response, *Info)) (*Part, error) {
	if err := statusError(resp); err != nil {
		return nil, err
	}
	part := &Part{Info: info(resp), Body: explained{resp.Body}}
	if describe != nil {
		describe(resp, &part.Info)
	}
	switch {
	case isWhole(resp):
		return part, wholePart(part, resp, r)
	case resp.StatusCode == http.StatusPartialContent:
		return part, rangePart(part, resp, r)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return part, noPart(part, resp, r)
	default:
		return nil, Permanent(&usererr.Error{Text: fmt.Sprintf("answered status %d, which is not an answer to this request", resp.StatusCode)})
	}
}

// isWhole reports whether an answer holds the whole object, be it changed by a proxy (203).
func isWhole(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNonAuthoritativeInfo
}

// mayRefuseRange reports whether an answer may be to the Range header alone: some servers
// and gateways do not know it, and have no right answer for an empty object.
func mayRefuseRange(resp *http.Response, r request) bool {
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusInternalServerError, http.StatusNotImplemented:
		return true
	case http.StatusRequestedRangeNotSatisfiable:
		size, says := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes */")
		return !says || r.off == 0 && size != "0"
	default:
		return false
	}
}

// wholePart reads an answer that holds the whole object.
func wholePart(p *Part, resp *http.Response, r request) error {
	p.Size, p.Start, p.End = resp.ContentLength, 0, resp.ContentLength
	p.Unframed = p.Size < 0 && len(resp.TransferEncoding) == 0
	// From the first byte to the end is the whole, and some servers call it that.
	p.Ranged = r.n == ToEnd && p.Size >= 0 && resp.Header.Get("Accept-Ranges") == "bytes"
	switch {
	case !sameVersion(p, resp, r.validator):
		return ErrChanged
	case r.off > 0:
		return ErrNoRange
	default:
		return nil
	}
}

// rangePart reads an answer that holds a range. What it says of it must fit what
// was asked for: caches and gateways send other ranges, and those of objects that
// are no more.
func rangePart(p *Part, resp *http.Response, r request) error {
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "multipart/byteranges" {
		return ErrNoRange
	}
	start, end, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || r.n == Whole, start > r.off, end <= r.off:
		return &usererr.Error{Text: "the server sent another range than the requested one"}
	case !sameVersion(p, resp, r.validator):
		return ErrChanged
	}
	p.Size, p.Start, p.End, p.Ranged = size, start, end, true
	return nil
}

// sameVersion reports whether an answer is of the version that a validator stands for.
// An answer to If-Range need not repeat a date (RFC 9110, section 15.3.7).
func sameVersion(p *Part, resp *http.Response, want string) bool {
	if want == "" || p.Validator == want {
		return true
	}
	if isEntityTag(want) || isEntityTag(p.Validator) {
		return false
	}
	modified := resp.Header.Get("Last-Modified")
	return modified == want || modified == "" && resp.StatusCode == http.StatusPartialContent
}

func isEntityTag(validator string) bool { return strings.HasPrefix(validator, `"`) }

// noPart reads the answer that there is nothing at an offset: right for an empty
// object, which has no byte to send.
func noPart(p *Part, resp *http.Response, r request) error {
	if r.off == 0 && resp.Header.Get("Content-Range") == "bytes */0" {
		_ = p.Body.Close()
		p.Size, p.Start, p.End, p.Ranged, p.Body = 0, 0, 0, true, http.NoBody
		return nil
	}
	return &usererr.Error{Text: "the server says that the file ends before the requested byte"}
}

// parseContentRange reads "bytes 0-99/1000" (RFC 9110, section 14.4). The end is
// exclusive, an unknown size is -1.
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

// An explained body says in our own words why it broke off.
type explained struct{ io.ReadCloser }

func (b explained) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = explain(err)
	}
	return n, err
}
