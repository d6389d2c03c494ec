package genai

import (
	"slices"
	"strconv"
	"time"
)

// maxName is the length of a name that is kept at most, in bytes.
const maxName = 128

// request takes over a value of a request.
func (x *Exchange) request(path []byte, v value) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch string(path) {
	case "model":
		x.usage.RequestModel = v.name()
	case "stream_options.include_usage":
		x.usage.AskedForUsage = string(v.raw) == "true"
	}
}

// document counts a document of the answer.
func (x *Exchange) document() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.usage.Documents++
}

// response takes over a value of an answer. Of several, as in a stream, the last one counts.
func (x *Exchange) response(path []byte, v value) {
	x.mu.Lock()
	defer x.mu.Unlock()
	u := &x.usage
	switch string(path) {
	case "model", "response.model", "message.model":
		u.ResponseModel = v.name()
	case "id", "response.id", "message.id":
		u.ResponseID = v.name()
	case "choices[].finish_reason", "stop_reason", "delta.stop_reason", "done_reason", "response.status",
		"details.finish_reason", "[].details.finish_reason":
		u.finish(v)
	case "usage.prompt_tokens", "usage.input_tokens", "response.usage.input_tokens", "message.usage.input_tokens", "prompt_eval_count":
		v.number(&u.InputTokens)
	case "usage.completion_tokens", "usage.output_tokens", "response.usage.output_tokens", "message.usage.output_tokens", "eval_count",
		"details.generated_tokens", "[].details.generated_tokens":
		v.number(&u.OutputTokens)
	case "usage.prompt_tokens_details.cached_tokens", "usage.input_tokens_details.cached_tokens",
		"response.usage.input_tokens_details.cached_tokens", "usage.cache_read_input_tokens", "message.usage.cache_read_input_tokens":
		v.number(&u.CachedTokens)
	case "choices[].delta.content", "choices[].delta.reasoning_content", "choices[].delta.reasoning", "choices[].text",
		"choices[].delta.tool_calls[].function.name", "delta", "delta.text", "delta.thinking", "message.content", "response", "token.text":
		if u.FirstToken.IsZero() && v.text && len(v.raw) > 0 {
			u.FirstToken = time.Now()
		}
	}
}

// finish adds a reason why generation ended.
func (u *Usage) finish(v value) {
	const most = 16
	if reason := v.name(); v.text && reason != "in_progress" && len(u.FinishReasons) < most && !slices.Contains(u.FinishReasons, reason) {
		u.FinishReasons = append(u.FinishReasons, reason)
	}
}

// name returns a string, unquoted and cut; "" for anything else.
func (v value) name() string {
	if !v.text {
		return ""
	}
	s, err := strconv.Unquote(`"` + string(v.raw) + `"`)
	if err != nil {
		return ""
	}
	return s[:min(len(s), maxName)]
}

// number stores a whole number that is not negative.
func (v value) number(to *int64) {
	if n, err := strconv.ParseInt(string(v.raw), 10, 64); err == nil && n >= 0 && !v.text {
		*to = n
	}
}
