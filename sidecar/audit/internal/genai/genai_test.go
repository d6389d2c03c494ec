package genai_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/sidecar/audit/internal/encodings"
	"github.com/inith/inith/sidecar/audit/internal/genai"
)

const (
	eventStream = "text/event-stream; charset=utf-8"
	jsonType    = "application/json"
)

// A sample is an exchange as a server documents it.
type sample struct {
	path, contentType string
	request, response string
	want              genai.Usage
	firstToken        bool
}

func samples() map[string]sample {
	unknown := int64(-1)
	return map[string]sample{
		"openai chat": {
			path: "/v1/chat/completions", contentType: jsonType,
			request:  `{"model": "gpt-4o", "messages": [{"role": "user", "content": "{\"model\":\"x\"}"}]}`,
			response: `{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":5}}}`,
			want: genai.Usage{
				Operation: "chat", RequestModel: "gpt-4o", ResponseModel: "gpt-4o-2024-08-06", ResponseID: "chatcmpl-1",
				FinishReasons: []string{"stop"}, InputTokens: 19, OutputTokens: 10, CachedTokens: 5, Documents: 1,
			},
		},
		"openai chat, streamed": { // vLLM repeats usage in each event if it is asked to: the last one counts
			path: "/v1/chat/completions", contentType: eventStream,
			request: `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`,
			response: "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":0}}\n\n" +
				": a comment\n\ndata: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\r\n\r\n" +
				"data:{\"id\":\"c1\",\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
			want: genai.Usage{
				Operation: "chat", RequestModel: "m", ResponseModel: "m", ResponseID: "c1", FinishReasons: []string{"length"},
				InputTokens: 7, OutputTokens: 2, CachedTokens: unknown, Stream: true, Documents: 4, AskedForUsage: true,
			}, firstToken: true,
		},
		"openai completions": {
			path: "/v1/completions", contentType: jsonType,
			request: `{"model":"m","prompt":"x"}`, response: `{"id":"c","model":"m","choices":[{"text":"y","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
			want:       genai.Usage{Operation: "text_completion", RequestModel: "m", ResponseModel: "m", ResponseID: "c", FinishReasons: []string{"stop"}, InputTokens: 1, OutputTokens: 2, CachedTokens: unknown, Documents: 1},
			firstToken: true,
		},
		"openai responses, streamed": {
			path: "/v1/responses", contentType: eventStream, request: `{"model":"gpt-4.1","stream":true}`,
			response: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":\"gpt-4.1-x\",\"usage\":null}}\n\n" +
				"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"In\"}\n\n" +
				"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"usage\":{\"input_tokens\":37,\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":11}}}\n\n",
			want: genai.Usage{
				Operation: "generate_content", RequestModel: "gpt-4.1", ResponseModel: "gpt-4.1-x", ResponseID: "resp_1", FinishReasons: []string{"completed"},
				InputTokens: 37, OutputTokens: 11, CachedTokens: 3, Stream: true, Documents: 3,
			}, firstToken: true,
		},
		"openai embeddings": {
			path: "/v1/embeddings", contentType: jsonType, request: `{"model":"e","input":["a","b"]}`,
			response: `{"object":"list","data":[{"embedding":[` + strings.Repeat("0.0023064255,", 3000) + `1]}],"model":"e-1","usage":{"prompt_tokens":8,"total_tokens":8}}`,
			want:     genai.Usage{Operation: "embeddings", RequestModel: "e", ResponseModel: "e-1", InputTokens: 8, OutputTokens: unknown, CachedTokens: unknown, Documents: 1},
		},
		"anthropic, streamed": {
			path: "/v1/messages", contentType: eventStream, request: `{"model":"claude-sonnet-4-5","max_tokens":9,"stream":true}`,
			response: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n" +
				"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n" +
				"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n",
			want: genai.Usage{
				Operation: "chat", RequestModel: "claude-sonnet-4-5", ResponseModel: "claude-sonnet-4-5-20250929", ResponseID: "msg_1", FinishReasons: []string{"end_turn"},
				InputTokens: 25, OutputTokens: 15, CachedTokens: 4, Stream: true, Documents: 3,
			}, firstToken: true,
		},
		"ollama, streamed": {
			path: "/api/chat", contentType: "application/x-ndjson", request: `{"model":"llama3.2"}`,
			response: "{\"model\":\"llama3.2\",\"message\":{\"role\":\"assistant\",\"content\":\"The\"},\"done\":false}\n{\"model\":\"llama3.2\",\"message\":{\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298}\n",
			want: genai.Usage{
				Operation: "chat", RequestModel: "llama3.2", ResponseModel: "llama3.2", FinishReasons: []string{"stop"},
				InputTokens: 26, OutputTokens: 298, CachedTokens: unknown, Stream: true, Documents: 2,
			}, firstToken: true,
		},
		"tgi": {
			path: "/generate", contentType: jsonType, request: `{"inputs":"x"}`,
			response: `{"generated_text":"y","details":{"finish_reason":"length","generated_tokens":20,"prefill":[],"tokens":[{"id":1,"text":"a"}]}}`,
			want:     genai.Usage{Operation: "text_completion", FinishReasons: []string{"length"}, InputTokens: unknown, OutputTokens: 20, CachedTokens: unknown, Documents: 1},
		},
	}
}

// read reads an exchange in pieces of a size.
func read(s sample, encoding string, encode func(string) string, size int) (genai.Usage, bool) {
	x := genai.New("POST", s.path)
	in(x.Request(jsonType, encoding), encode(s.request), size)
	in(x.Response(s.contentType, encoding), encode(s.response), size)
	u := x.Usage()
	first := !u.FirstToken.IsZero()
	u.FirstToken = time.Time{}
	return u, first
}

func in(r *genai.Reader, body string, size int) {
	for len(body) > 0 {
		n := min(size, len(body))
		_, _ = r.Write([]byte(body[:n]))
		body = body[n:]
	}
	r.Close()
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, s := range samples() {
		for encoding, encode := range encodings.All(t) {
			for _, size := range []int{1, 2, 7, 1 << 20} {
				got, first := read(s, encoding, encode, size)
				if diff := cmp.Diff(s.want, got); diff != "" || first != s.firstToken {
					t.Errorf("%s, %q in pieces of %d: first token %v (-want +got):\n%s", name, encoding, size, first, diff)
				}
			}
		}
	}
}

func TestNotRead(t *testing.T) {
	t.Parallel()
	if genai.New("GET", "/v1/chat/completions") != nil || genai.New("POST", "/") != nil {
		t.Error("it is none of a model server")
	}
	x := genai.New("POST", "/v1/chat/completions")
	if x.Response("text/html", "") != nil || x.Response(jsonType, "br") != nil || x.Request("multipart/form-data", "") != nil {
		t.Error("it cannot be read")
	}
	for _, body := range []string{"", "not gzip", "\x1f\x8b\x08broken", strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<20), `"` + strings.Repeat("x", 1<<20), strings.Repeat("}", 100)} {
		in(x.Response(jsonType, "gzip"), body, 100)
		in(x.Response(jsonType, ""), body, 1<<20)
	}
	if u := x.Usage(); u.InputTokens != -1 || u.ResponseModel != "" {
		t.Errorf("got %+v", u)
	}
}

// FuzzUsage reads any body in any pieces: the pieces must make no difference, and the memory must not grow with the body.
func FuzzUsage(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.request, s.response, s.contentType, uint8(3))
	}
	f.Add("", "{\"usage\":{\"prompt_tokens\":99999999999999999999}}", jsonType, uint8(1))
	f.Fuzz(func(t *testing.T, request, response, contentType string, size uint8) {
		s := sample{path: "/v1/chat/completions", request: request, response: response, contentType: contentType}
		if genai.New("POST", s.path).Response(contentType, "") == nil {
			return
		}
		same := func(s string) string { return s }
		whole, first := read(s, "", same, len(request)+len(response)+1)
		pieces, firstInPieces := read(s, "", same, int(size)+1)
		if diff := cmp.Diff(whole, pieces); diff != "" || first != firstInPieces {
			t.Errorf("pieces make a difference:\n%s", diff)
		}
		if len(whole.ResponseModel) > 128 || len(whole.FinishReasons) > 16 {
			t.Errorf("too long: %+v", whole)
		}
	})
}
