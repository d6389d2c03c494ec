package audit

import (
	"encoding/json"
	"time"

	"github.com/inith/inith/sidecar/audit/internal/genai"
	"github.com/inith/inith/sidecar/audit/internal/jsonline"
)

// A record is a line of the log, without what the log itself adds: v, seq, prev and hash. docs/audit.md describes it. All
// strings that a client or the application chose are masked. What is "" or nil is left out.
type record struct {
	event             string
	time              time.Time
	id                string
	level             Level
	traceID, spanID   string
	pod               *Pod
	client, user      string
	method            string
	path, query       string
	protocol          string
	status            int // zero if there was none
	outcome           outcome
	failure           string
	upgrade           string
	request, response *recordedSide
	firstByte         elapsed
	firstToken        elapsed
	total             elapsed
	usage             *genai.Usage
	redacted          map[string]int
}

// An elapsed is a time since the beginning of an exchange; the zero value is unknown.
type elapsed struct {
	time.Duration

	known bool
}

// until returns the time from a moment to another one, unknown if that is zero.
func until(start, end time.Time) elapsed {
	if end.IsZero() {
		return elapsed{}
	}
	return elapsed{end.Sub(start), true}
}

// A recordedSide is one direction of an exchange in a record.
type recordedSide struct {
	bytes       int64
	sha256      string
	incomplete  bool
	contentType string
	encoding    string
	headers     []header
	body        json.RawMessage
	truncated   string
	omitted     string
}

// A header is one of a record.
type header struct{ name, value string }

// appendTo appends the record as a JSON object.
func (r *record) appendTo(b []byte) []byte {
	w := jsonline.Writer{Bytes: b}
	w.Open("")
	w.Text("event", r.event)
	w.Text("time", r.time.UTC().Format(time.RFC3339Nano))
	w.Text("id", r.id)
	w.Text("level", string(r.level))
	w.Text("trace_id", r.traceID)
	w.Text("span_id", r.spanID)
	r.pod.write(&w)
	w.Text("client", r.client)
	w.Text("user", r.user)
	w.Text("method", r.method)
	w.Text("path", r.path)
	w.Text("query", r.query)
	w.Text("protocol", r.protocol)
	if r.status != 0 {
		w.Int("status", int64(r.status))
	}
	w.Text("outcome", string(r.outcome))
	w.Text("error", r.failure)
	w.Text("upgrade", r.upgrade)
	r.request.write(&w, "request")
	r.response.write(&w, "response")
	r.firstByte.write(&w, "first_byte_ms")
	r.firstToken.write(&w, "first_token_ms")
	r.total.write(&w, "total_ms")
	writeUsage(&w, r.usage)
	if len(r.redacted) > 0 {
		w.Open("redacted")
		for _, reason := range reasons(r.redacted) {
			w.Int(reason, int64(r.redacted[reason]))
		}
		w.Close()
	}
	w.Close()
	return w.Bytes
}

func (p *Pod) write(w *jsonline.Writer) {
	if p == nil {
		return
	}
	w.Open("pod")
	w.Text("name", p.Name)
	w.Text("namespace", p.Namespace)
	w.Text("node", p.Node)
	w.Close()
}

// write writes milliseconds, to the microsecond.
func (e elapsed) write(w *jsonline.Writer, name string) {
	if e.known {
		w.Thousandths(name, e.Round(time.Microsecond).Microseconds())
	}
}

func (s *recordedSide) write(w *jsonline.Writer, name string) {
	if s == nil {
		return
	}
	w.Open(name)
	w.Int("bytes", s.bytes)
	w.Text("sha256", s.sha256)
	w.True("incomplete", s.incomplete)
	w.Text("content_type", s.contentType)
	w.Text("encoding", s.encoding)
	if len(s.headers) > 0 {
		w.Open("headers")
		for _, h := range s.headers {
			w.Named(h.name, h.value)
		}
		w.Close()
	}
	w.Raw("body", s.body)
	w.Text("truncated", s.truncated)
	w.Text("omitted", s.omitted)
	w.Close()
}

// writeUsage writes the names of OpenTelemetry's attributes: gen_ai.usage.input_tokens and so on.
func writeUsage(w *jsonline.Writer, u *genai.Usage) {
	if u == nil {
		return
	}
	w.Open("gen_ai")
	w.Open("operation")
	w.Text("name", u.Operation)
	w.Close()
	w.Open("request")
	w.Text("model", u.RequestModel)
	w.Close()
	w.Open("response")
	w.Text("id", u.ResponseID)
	w.Text("model", u.ResponseModel)
	w.Texts("finish_reasons", u.FinishReasons)
	w.Close()
	w.Open("usage")
	writeTokens(w, "input_tokens", u.InputTokens)
	writeTokens(w, "output_tokens", u.OutputTokens)
	writeTokens(w, "cached_tokens", u.CachedTokens)
	w.Text("missing", missing(u))
	w.Close()
	w.True("stream", u.Stream)
	if u.Documents > 0 {
		w.Int("events", int64(u.Documents))
	}
	w.Close()
}

// writeTokens writes a number of tokens, unless it is unknown: negative.
func writeTokens(w *jsonline.Writer, name string, n int64) {
	if n >= 0 {
		w.Int(name, n)
	}
}

// missing says why there is no usage, "" if there is.
func missing(u *genai.Usage) string {
	switch {
	case u.InputTokens >= 0 || u.OutputTokens >= 0:
		return ""
	case u.Documents == 0:
		return "no answer that can be read"
	case u.Stream && !u.AskedForUsage:
		return "stream without include_usage"
	}
	return "not in the answer"
}

// An outcome is how an exchange ended.
type outcome string

// How exchanges end.
const (
	outcomeOK       outcome = "ok"
	outcomeUpstream outcome = "upstream_error" // the application could not be reached, or broke off
	outcomeClient   outcome = "client_aborted"
	outcomeTimeout  outcome = "timeout" // of the request's headers, of the dial, of the drain
	outcomeRefused  outcome = "refused" // by the proxy: malformed, too many connections, no log
)

func outcomes() []outcome {
	return []outcome{outcomeOK, outcomeUpstream, outcomeClient, outcomeTimeout, outcomeRefused}
}
