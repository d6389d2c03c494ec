package faultserver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An answer is what is sent for a request.
type answer struct {
	status  int
	header  http.Header
	content Content
	span    Span   // of the content, what the body is
	text    []byte // the body instead; nil: the content
	tail    []byte // comes after the content
	flip    *flip  // a wrong bit; nil: none
	length  int64  // as told; -1: chunks, -2: until the connection closes
	event   *event // what ends it early; nil: nothing
}

// Framings other than a length.
const (
	chunks     = -1
	untilClose = -2
)

// An event ends the connection somewhere in the body.
type event struct {
	at        int64 // bytes of the body; negative: before the head
	do        func(c *conn, rest rest)
	injection *Injection // nil: none
}

// status returns an answer that brings a text.
func status(code int, text string) *answer {
	h := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	return &answer{status: code, header: h, text: []byte(text), length: int64(len(text))}
}

// refuse returns an answer that tells its status.
func refuse(code int) *answer {
	return status(code, strconv.Itoa(code)+" "+statusText(code)+"\n")
}

// statusText knows one more than [http.StatusText].
func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return text
	}
	return "Web Server Returned an Unknown Error"
}

// right returns the right answer.
func (x *exchange) right() *answer {
	if x.req.Method != http.MethodGet && x.req.Method != http.MethodHead {
		return refuse(http.StatusMethodNotAllowed)
	}
	if code := x.precondition(); code != 0 {
		a := refuse(code)
		if code == http.StatusNotModified {
			a.text, a.length = []byte{}, 0
			a.header.Del("Content-Type")
		}
		x.validators(a.header)
		return a
	}
	size := x.content.Len()
	a := &answer{status: http.StatusOK, header: http.Header{}, content: x.content, span: Span{0, size}, length: size}
	a.header.Set("Content-Type", "application/octet-stream")
	a.header.Set("Accept-Ranges", "bytes")
	x.validators(a.header)
	if get(x) && x.ifRange() {
		x.narrow(a)
	}
	return a
}

func (x *exchange) validators(h http.Header) {
	if x.etag != "" {
		h.Set("ETag", x.etag)
	}
	if !x.modified.IsZero() {
		h.Set("Last-Modified", x.modified.Format(http.TimeFormat))
	}
}

// precondition returns the status of an answer that brings nothing, 0 if the
// preconditions hold (RFC 9110, section 13.2.2).
func (x *exchange) precondition() int {
	h := x.req.Header
	if match := h.Get("If-Match"); match != "" {
		if !lists(match, x.etag, false) {
			return http.StatusPreconditionFailed
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && x.modified.After(t) {
		return http.StatusPreconditionFailed
	}
	if match := h.Get("If-None-Match"); match != "" {
		if lists(match, x.etag, true) {
			return http.StatusNotModified
		}
	} else if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !x.modified.IsZero() && !x.modified.After(t) {
		return http.StatusNotModified
	}
	return 0
}

// lists reports whether a list of entity tags has one. Weak tags match weakly only.
func lists(list, tag string, weak bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one, tag = strings.TrimPrefix(one, "W/"), strings.TrimPrefix(tag, "W/")
		}
		if one == tag && tag != "" && !strings.HasPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// ifRange reports whether a range may be answered (RFC 9110, section 13.1.5).
func (x *exchange) ifRange() bool {
	tag := x.req.Header.Get("If-Range")
	if tag == "" || lists(tag, x.etag, false) {
		return true
	}
	t, err := http.ParseTime(tag)
	return err == nil && t.Equal(x.modified) && time.Since(t) > time.Minute
}

// narrow makes the answer one to the range that was asked for, if it is one that
// can be understood. Others are ignored, as a server may.
func (x *exchange) narrow(a *answer) {
	size := x.content.Len()
	span, ok := parseRange(x.req.Header.Get("Range"), size)
	if !ok {
		return
	}
	if span.Len() <= 0 {
		*a = *refuse(http.StatusRequestedRangeNotSatisfiable)
		a.header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		x.validators(a.header)
		return
	}
	a.status, a.span, a.length = http.StatusPartialContent, span, span.Len()
	a.header.Set("Content-Range", contentRange(span, size))
}

func contentRange(s Span, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.Start, s.End-1, size)
}

// parseRange reads a range of bytes. It is empty if there are none there.
func parseRange(header string, size int64) (span Span, ok bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
		return Span{}, false
	}
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		return Span{max(0, size-n), size}, err == nil && n >= 0
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil || start < 0 {
		return Span{}, false
	}
	if last == "" {
		return Span{start, size}, true
	}
	end, err := strconv.ParseInt(last, 10, 64)
	return Span{start, min(end+1, size)}, err == nil && end >= start
}
