package audit

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/sidecar/audit/internal/decode"
	"github.com/inith/inith/sidecar/audit/internal/genai"
	"github.com/inith/inith/sidecar/audit/internal/mask"
)

// recordedHeaders returns the names of the usual headers, and of others, in their order.
func recordedHeaders(more []string) []string {
	all := []string{"Accept", "Content-Length", "Retry-After", "Server", "User-Agent"}
	for _, name := range more {
		all = append(all, http.CanonicalHeaderKey(name))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// newRecord returns what every record has.
func (p *Proxy) newRecord(start time.Time, id, client string) *record {
	r := &record{event: "exchange", time: start, id: id, client: client}
	if host, _, err := net.SplitHostPort(client); err == nil {
		r.client = host
	}
	if p.o.Pod != (Pod{}) {
		r.pod = &p.o.Pod
	}
	return r
}

// append queues a record. Then done is called, once, when it is written or lost.
func (p *Proxy) append(r *record, done func(error)) {
	b, ok := p.lines.Get().(*[]byte)
	if !ok {
		b = new([]byte)
	}
	*b = r.appendTo((*b)[:0])
	p.writer.Append(*b, func(err error) {
		if cap(*b) <= maxLine {
			p.lines.Put(b)
		}
		done(err)
	})
}

// maxLine is the capacity of the largest buffer that is kept for the next record, in bytes.
const maxLine = 16 << 10

// recordRequest writes and syncs the line of a request, before the application sees it.
func (x *exchange) recordRequest() error {
	pass := x.p.masker.Begin()
	r := x.p.newRecord(x.start, x.maskedID(pass), x.in.RemoteAddr)
	r.event, r.method, r.path = "request", cut(pass.Text(x.in.Method)), cut(pass.Path(x.in.URL))
	done := make(chan error, 1)
	x.p.append(r, func(err error) { done <- err })
	return <-done
}

// maskedID returns the id of the request. One that the proxy made needs no masking.
func (x *exchange) maskedID(pass *mask.Pass) string {
	if x.ownID {
		return x.id
	}
	return pass.Text(x.id)
}

// compose makes the record of an exchange. Every string that a client or the application chose is masked.
func (x *exchange) compose(level Level) *record {
	pass := x.p.masker.Begin()
	r := x.p.newRecord(x.start, x.maskedID(pass), x.in.RemoteAddr)
	r.level, r.outcome, r.failure, r.status, r.upgrade = level, x.outcome, x.failure, x.status, cut(pass.Text(x.upgrade))
	r.method, r.path, r.query, r.protocol = cut(pass.Text(x.in.Method)), cut(pass.Path(x.in.URL)), cut(pass.Query(x.in.URL.RawQuery)), x.in.Proto
	r.traceID, r.spanID = traceOf(x.in.Header)
	if name := x.p.o.Record.UserHeader; name != "" {
		r.user = cut(pass.Header(name, x.in.Header.Get(name)))
	}
	r.request = x.composeSide(pass, &x.request, x.in.Header, level.records(Request))
	r.response = x.composeSide(pass, &x.response, x.answer, level.records(RequestResponse))
	r.usage = x.composeUsage(pass)
	r.firstByte, r.total = until(x.start, x.answeredAt), until(x.start, x.endedAt)
	if r.usage != nil {
		r.firstToken = until(x.start, r.usage.FirstToken)
	}
	if len(pass.Counts) > 0 {
		r.redacted = pass.Counts
		x.p.metrics.masked(pass.Counts)
	}
	return r
}

func (x *exchange) composeSide(pass *mask.Pass, s *side, h http.Header, body bool) *recordedSide {
	r := &recordedSide{
		bytes: s.bytes, sha256: s.digest(), incomplete: !s.ended,
		contentType: cut(pass.Text(h.Get("Content-Type"))), encoding: cut(pass.Text(h.Get("Content-Encoding"))),
		headers: x.composeHeaders(pass, h),
	}
	if body && s.bytes > 0 && x.upgrade == "" {
		r.body, r.truncated, r.omitted = x.composeBody(pass, s, h)
	}
	return r
}

func (x *exchange) composeHeaders(pass *mask.Pass, h http.Header) []header {
	all := make([]header, 0, len(x.p.headers))
	for _, name := range x.p.headers {
		if values := h[name]; len(values) > 0 {
			all = append(all, header{name, cut(pass.Header(name, strings.Join(values, ", ")))})
		}
	}
	return all
}

// composeBody returns what is recorded of a body: the masked content, why it is not whole, and why there is none.
func (x *exchange) composeBody(pass *mask.Pass, s *side, h http.Header) (body json.RawMessage, truncated, omitted string) {
	truncated = s.truncated
	if s.size == 0 {
		return nil, truncated, ""
	}
	decoded, whole, ok := decode.Prefix(h.Get("Content-Encoding"), s.copied(), int(x.p.o.Record.BodyLimit))
	if !ok {
		return nil, truncated, "cannot be decoded"
	}
	if !whole && truncated == "" && s.ended {
		truncated = truncatedLimit
	}
	body, omitted = pass.Body(h.Get("Content-Type"), decoded, whole && truncated == "" && s.ended)
	if body != nil && !json.Valid(body) {
		return nil, truncated, mask.Unreadable
	}
	return body, truncated, omitted
}

// composeUsage returns what was read of a model's usage, nil if it is none of a model.
func (x *exchange) composeUsage(pass *mask.Pass) *genai.Usage {
	if x.usage == nil {
		return nil
	}
	u := x.usage.Usage()
	u.RequestModel, u.ResponseID, u.ResponseModel = pass.Text(u.RequestModel), pass.Text(u.ResponseID), pass.Text(u.ResponseModel)
	u.FinishReasons = slices.Clone(u.FinishReasons)
	for i, reason := range u.FinishReasons {
		u.FinishReasons[i] = pass.Text(reason)
	}
	return &u
}

// contentTypes returns those of the request and of the answer.
func (x *exchange) contentTypes() []string {
	return []string{x.in.Header.Get("Content-Type"), x.answer.Get("Content-Type")}
}

var traceparent = lazyregexp.New(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)

// traceOf returns the ids of the caller's trace. https://www.w3.org/TR/trace-context/
func traceOf(h http.Header) (trace, span string) {
	parent := h.Get("Traceparent")
	if parent == "" {
		return "", ""
	}
	m := traceparent().FindStringSubmatch(parent)
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// cut bounds a string that a client chose.
func cut(s string) string {
	const most = 2048
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// reasons returns the keys of counts, in order.
func reasons(counts map[string]int) []string { return slices.Sorted(maps.Keys(counts)) }
