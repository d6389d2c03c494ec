package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// question and answer are those of a chat, of about a kibibyte each.
func question() string {
	return `{"model":"llama-3-8b","temperature":0.2,"messages":[{"role":"system","content":"You answer in one paragraph."},{"role":"user","content":"` +
		strings.Repeat("What does a native sidecar do before the application starts? ", 14) + `"}]}`
}

func answer() string {
	return `{"id":"chatcmpl-1","object":"chat.completion","model":"llama-3-8b","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"` +
		strings.Repeat("It starts, it passes its startup probe, and only then the next one starts. ", 10) +
		`"}}],"usage":{"prompt_tokens":198,"completion_tokens":170,"total_tokens":368}}`
}

// script makes wrk send the question. With a rate, each connection waits before its next request, twice the mean at most:
// the connections would march in step otherwise. At the end it prints what is measured as JSON.
//
//nolint:dupword // Lua
const script = `
local pause = 0
function init(args)
	pause = tonumber(args[1])
	math.randomseed(os.time())
	wrk.method = "POST"
	wrk.body = %q
	wrk.headers["Content-Type"] = "application/json"
	wrk.headers["Authorization"] = "Bearer sk-proj-0123456789abcdefghijklmnop"
	wrk.headers["User-Agent"] = "openai-python/1.0"
	local r = wrk.format(nil, "/v1/chat/completions")
	request = function() return r end
	local function wait() return math.random(0, 2 * pause) end
	if pause > 0 then delay = wait end
end
function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format('\nRESULT {"requests":%%d,"microseconds":%%d,"failed":%%d,"p50":%%d,"p99":%%d}\n', summary.requests, summary.duration,
		e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`

func (b *bench) writeScript() (string, error) {
	file := filepath.Join(b.dir, "wrk.lua")
	return file, os.WriteFile(file, fmt.Appendf(nil, script, question()), 0o600)
}

// A row is one run of wrk.
type row struct {
	*proxy

	round  int
	half   string // the level at half of whose rate this is; "" for as many requests as possible
	rate   float64
	p50    float64 // in ms
	p99    float64
	cpu    float64 // of the proxy, in µs a request; NaN for none
	failed int64
}

// load measures a proxy, at a rate of requests a second, or with as many as possible if that is zero.
func (b *bench) load(ctx context.Context, script string, p *proxy, round int, level string, rate float64) error {
	pause, clients := 0.0, b.clients
	if rate > 0 { // wrk knows pauses in ms: enough connections, so that theirs are long
		clients *= 4
		pause = math.Max(1, math.Round(1000*float64(clients)/rate))
	}
	before := p.cpu()
	cmd := exec.CommandContext(ctx, b.peers.Path("wrk"), "-t1", "-c", strconv.Itoa(clients), "-d", strconv.Itoa(int(b.duration.Seconds())), //nolint:gosec // a peer
		"-s", script, "http://"+p.address, "--", strconv.Itoa(int(pause)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("wrk: %w: %s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "RESULT ")
	var result struct{ Requests, Microseconds, Failed, P50, P99 int64 }
	if err := json.Unmarshal([]byte(text), &result); err != nil || result.Requests == 0 {
		return fmt.Errorf("wrk on %s: %w: %s", p.name, err, out)
	}
	b.rows = append(b.rows, row{
		proxy: p, round: round, half: level, failed: result.Failed,
		rate: float64(result.Requests) / (float64(result.Microseconds) / 1e6),
		p50:  float64(result.P50) / 1000, p99: float64(result.P99) / 1000,
		cpu: (p.cpu() - before).Seconds() * 1e6 / float64(result.Requests),
	})
	return nil
}

// cpu returns what the process has taken so far.
func (p *proxy) cpu() time.Duration {
	if p.process == nil {
		return 0
	}
	used, _ := report.CPU(p.process.Process.Pid)
	return used
}

// memory returns a size from the status of the process, in MiB.
func (p *proxy) memory(field string) float64 {
	if p.process == nil {
		return math.NaN()
	}
	bytes, err := report.Memory(p.process.Process.Pid, field)
	if err != nil {
		return math.NaN()
	}
	return float64(bytes) / (1 << 20)
}
