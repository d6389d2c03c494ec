package audit

import "encoding/json"

// A record is a line of the log, without what the log itself adds: v, seq, prev and hash. docs/audit.md describes it.
type record struct {
	Event       string         `json:"event"`
	Time        string         `json:"time"`
	ID          string         `json:"id"`
	Level       Level          `json:"level,omitempty"`
	TraceID     string         `json:"trace_id,omitempty"`
	SpanID      string         `json:"span_id,omitempty"`
	Pod         *Pod           `json:"pod,omitempty"`
	Client      string         `json:"client,omitempty"`
	User        string         `json:"user,omitempty"`
	Method      string         `json:"method,omitempty"`
	Path        string         `json:"path,omitempty"`
	Query       string         `json:"query,omitempty"`
	Protocol    string         `json:"protocol,omitempty"`
	Status      int            `json:"status,omitempty"`
	Outcome     outcome        `json:"outcome,omitempty"`
	Error       string         `json:"error,omitempty"`
	Upgrade     string         `json:"upgrade,omitempty"`
	Request     *recordedSide  `json:"request,omitempty"`
	Response    *recordedSide  `json:"response,omitempty"`
	FirstByteMS *float64       `json:"first_byte_ms,omitempty"`
	TokenMS     *float64       `json:"first_token_ms,omitempty"`
	TotalMS     *float64       `json:"total_ms,omitempty"`
	GenAI       *recordedUsage `json:"gen_ai,omitempty"`
	Redacted    map[string]int `json:"redacted,omitempty"`
}

// A recordedSide is one direction of an exchange in a record.
type recordedSide struct {
	Bytes       int64             `json:"bytes"`
	SHA256      string            `json:"sha256"`
	Incomplete  bool              `json:"incomplete,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Encoding    string            `json:"encoding,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Body        json.RawMessage   `json:"body,omitempty"`
	Truncated   string            `json:"truncated,omitempty"`
	Omitted     string            `json:"omitted,omitempty"`
}

// A recordedUsage has the names of OpenTelemetry's attributes: gen_ai.usage.input_tokens and so on.
type recordedUsage struct {
	Operation struct {
		Name string `json:"name"`
	} `json:"operation"`
	Request struct {
		Model string `json:"model,omitempty"`
	} `json:"request"`
	Response struct {
		ID            string   `json:"id,omitempty"`
		Model         string   `json:"model,omitempty"`
		FinishReasons []string `json:"finish_reasons,omitempty"`
	} `json:"response"`
	Usage struct {
		InputTokens  *int64 `json:"input_tokens,omitempty"`
		OutputTokens *int64 `json:"output_tokens,omitempty"`
		CachedTokens *int64 `json:"cached_tokens,omitempty"`
		Missing      string `json:"missing,omitempty"`
	} `json:"usage"`
	Stream bool `json:"stream,omitempty"`
	Events int  `json:"events,omitempty"`
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
