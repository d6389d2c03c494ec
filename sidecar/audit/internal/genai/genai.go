// Package genai reads model and token usage from copies of requests to model servers and of their answers: OpenAI chat,
// completions, responses and embeddings, Anthropic messages, Ollama, TGI and vLLM, streamed or not, compressed or not.
//
// It reads in pieces, in memory that does not grow with the input, and never fails: what it cannot read has no usage.
package genai

import (
	"strings"
	"sync"
	"time"
)

// Usage is what OpenTelemetry's attributes gen_ai.* of the same names say.
// https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
type Usage struct {
	Operation     string // operation.name
	RequestModel  string // request.model
	ResponseModel string // response.model
	ResponseID    string // response.id
	FinishReasons []string
	InputTokens   int64 // usage.input_tokens, -1 if unknown
	OutputTokens  int64 // usage.output_tokens, -1 if unknown
	CachedTokens  int64 // of the input, -1 if unknown
	Stream        bool  // the answer is a stream of documents
	Documents     int   // of the answer: the events of a stream
	FirstToken    time.Time
	AskedForUsage bool // the request has stream_options.include_usage
}

// An Exchange reads one request and its answer.
type Exchange struct {
	mu    sync.Mutex // request and answer are read at the same time
	usage Usage
}

// operations are the ends of paths, with the names that OpenTelemetry has for what they do.
func operations() [][2]string {
	return [][2]string{
		{"/chat/completions", "chat"},
		{"/completions", "text_completion"},
		{"/responses", "generate_content"},
		{"/embeddings", "embeddings"},
		{"/messages", "chat"},
		{"/api/chat", "chat"},
		{"/api/generate", "text_completion"},
		{"/api/embed", "embeddings"},
		{"/generate", "text_completion"},
		{"/generate_stream", "text_completion"},
	}
}

// New returns what reads the exchange, nil if the path is none of a model server.
func New(method, path string) *Exchange {
	if method != "POST" {
		return nil
	}
	for _, o := range operations() {
		if strings.HasSuffix(path, o[0]) {
			return &Exchange{usage: Usage{Operation: o[1], InputTokens: -1, OutputTokens: -1, CachedTokens: -1}}
		}
	}
	return nil
}

// Usage returns what was read so far.
func (x *Exchange) Usage() Usage {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.usage
}

// Request returns a reader of the request. It is nil for a content that it cannot read.
func (x *Exchange) Request(contentType, encoding string) *Reader {
	if t := mediaType(contentType); t != "application/json" && t != "" {
		return nil
	}
	return newReader(encoding, newScanner(x.request, nil))
}

// Response returns a reader of the answer. It is nil for a content that it cannot read.
func (x *Exchange) Response(contentType, encoding string) *Reader {
	s := newScanner(x.response, x.document)
	switch mediaType(contentType) {
	case "text/event-stream":
		x.setStream()
		return newReader(encoding, &events{scanner: s})
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		x.setStream()
		return newReader(encoding, s)
	case "application/json", "":
		return newReader(encoding, s)
	}
	return nil
}

func (x *Exchange) setStream() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.usage.Stream = true
}

// mediaType returns a content type without its parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}
