package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
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

// recordedHeaders returns the names of the usual headers, and of others.
func recordedHeaders(more []string) []string {
	all := []string{"Accept", "Content-Length", "Retry-After", "Server", "User-Agent"}
	for _, name := range more {
		all = append(all, http.CanonicalHeaderKey(name))
	}
	return all
}

// newRecord returns what every record has.
func (p *Proxy) newRecord(start time.Time, id, client string) *record {
	r := &record{Event: "exchange", Time: start.UTC().Format(time.RFC3339Nano), ID: id, Client: client}
	if host, _, err := net.SplitHostPort(client); err == nil {
		r.Client = host
	}
	if p.o.Pod != (Pod{}) {
		r.Pod = &p.o.Pod
	}
	return r
}

// append queues a record. Then done is called, once, when it is written or lost.
func (p *Proxy) append(r *record, done func(error)) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil { // it cannot be: all of it is strings, numbers and JSON of ours
		p.o.Logger.Error("record not encoded", "err", err)
	}
	p.writer.Append(bytes.TrimSuffix(b.Bytes(), []byte("\n")), done)
}

// recordRequest writes and syncs the line of a request, before the application sees it.
func (x *exchange) recordRequest() error {
	pass := x.p.masker.Begin()
	r := x.p.newRecord(x.start, pass.Text(x.id), x.in.RemoteAddr)
	r.Event, r.Method, r.Path = "request", cut(pass.Text(x.in.Method)), cut(pass.Path(x.in.URL))
	done := make(chan error, 1)
	x.p.append(r, func(err error) { done <- err })
	return <-done
}

// compose makes the record of an exchange. Every string that a client or the application chose is masked.
func (x *exchange) compose(level Level) *record {
	pass := x.p.masker.Begin()
	r := x.p.newRecord(x.start, pass.Text(x.id), x.in.RemoteAddr)
	r.Level, r.Outcome, r.Error, r.Status, r.Upgrade = level, x.outcome, x.failure, x.status, cut(pass.Text(x.upgrade))
	r.Method, r.Path, r.Query, r.Protocol = cut(pass.Text(x.in.Method)), cut(pass.Path(x.in.URL)), cut(pass.Query(x.in.URL.RawQuery)), x.in.Proto
	r.TraceID, r.SpanID = traceOf(x.in.Header)
	if name := x.p.o.Record.UserHeader; name != "" {
		r.User = cut(pass.Header(name, x.in.Header.Get(name)))
	}
	r.Request = x.composeSide(pass, x.request, x.in.Header, level.records(Request))
	r.Response = x.composeSide(pass, x.response, x.answer, level.records(RequestResponse))
	x.composeUsage(pass, r)
	x.composeTimes(r)
	if len(pass.Counts) > 0 {
		r.Redacted = pass.Counts
		x.p.metrics.masked(pass.Counts)
	}
	return r
}

func (x *exchange) composeTimes(r *record) {
	r.TotalMS = millis(x.endedAt.Sub(x.start))
	if !x.answeredAt.IsZero() {
		r.FirstByteMS = millis(x.answeredAt.Sub(x.start))
	}
}

func (x *exchange) composeSide(pass *mask.Pass, s *side, h http.Header, body bool) *recordedSide {
	r := &recordedSide{
		Bytes: s.bytes, SHA256: s.digest(), Incomplete: !s.ended,
		ContentType: cut(pass.Text(h.Get("Content-Type"))), Encoding: cut(pass.Text(h.Get("Content-Encoding"))),
		Headers: x.composeHeaders(pass, h),
	}
	if body && s.bytes > 0 && x.upgrade == "" {
		r.Body, r.Truncated, r.Omitted = x.composeBody(pass, s, h)
	}
	return r
}

func (x *exchange) composeHeaders(pass *mask.Pass, h http.Header) map[string]string {
	all := map[string]string{}
	for _, name := range x.p.headers {
		if values := h[name]; len(values) > 0 {
			all[name] = cut(pass.Header(name, strings.Join(values, ", ")))
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

// composeUsage adds what was read of a model's usage.
func (x *exchange) composeUsage(pass *mask.Pass, r *record) {
	if x.usage == nil {
		return
	}
	u := x.usage.Usage()
	g := &recordedUsage{Stream: u.Stream, Events: u.Documents}
	g.Operation.Name, g.Request.Model = u.Operation, pass.Text(u.RequestModel)
	g.Response.ID, g.Response.Model = pass.Text(u.ResponseID), pass.Text(u.ResponseModel)
	for _, reason := range u.FinishReasons {
		g.Response.FinishReasons = append(g.Response.FinishReasons, pass.Text(reason))
	}
	g.Usage.InputTokens, g.Usage.OutputTokens, g.Usage.CachedTokens = known(u.InputTokens), known(u.OutputTokens), known(u.CachedTokens)
	if u.InputTokens < 0 && u.OutputTokens < 0 {
		g.Usage.Missing = missing(u)
	}
	r.GenAI = g
	if !u.FirstToken.IsZero() {
		r.TokenMS = millis(u.FirstToken.Sub(x.start))
	}
}

// missing says why there is no usage.
func missing(u genai.Usage) string {
	switch {
	case u.Documents == 0:
		return "no answer that can be read"
	case u.Stream && !u.AskedForUsage:
		return "stream without include_usage"
	}
	return "not in the answer"
}

func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// contentTypes returns those of the request and of the answer.
func (x *exchange) contentTypes() []string {
	return []string{x.in.Header.Get("Content-Type"), x.answer.Get("Content-Type")}
}

var traceparent = lazyregexp.New(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)

// traceOf returns the ids of the caller's trace. https://www.w3.org/TR/trace-context/
func traceOf(h http.Header) (trace, span string) {
	m := traceparent().FindStringSubmatch(h.Get("Traceparent"))
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// millis returns a duration in milliseconds, to the microsecond.
func millis(d time.Duration) *float64 {
	ms := math.Round(float64(d)/float64(time.Microsecond)) / 1000
	return &ms
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
