package audit_test

import (
	"bytes"
	"io"
	"log" //nolint:depguard // what httputil wants
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/audit"
)

// BenchmarkProxy sends questions of 1 KiB through a bare proxy, and through this one at two levels. Client and application are
// in the same process: only the differences count.
func BenchmarkProxy(b *testing.B) {
	question := []byte(`{"model":"llama-3-8b","temperature":0.2,"messages":[{"role":"system","content":"You answer in one paragraph."},{"role":"user","content":"` +
		strings.Repeat("What does a native sidecar do before the application starts? ", 14) + `"}]}`)
	answer := []byte(`{"id":"chatcmpl-1","object":"chat.completion","model":"llama-3-8b","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"` +
		strings.Repeat("It starts, it passes its startup probe, and only then the next one starts. ", 10) +
		`"}}],"usage":{"prompt_tokens":198,"completion_tokens":170,"total_tokens":368}}`)
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	defer application.Close()
	target, err := url.Parse(application.URL) //nolint:forbidigo // of the test's own server
	if err != nil {
		b.Fatal(err)
	}
	bare := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, BufferPool: &buffers{}, ErrorLog: log.New(io.Discard, "", 0)})
	defer bare.Close()
	b.Run("bare", func(b *testing.B) { ask(b, bare.URL, question) })
	for _, level := range []audit.Level{audit.Metadata, audit.RequestResponse} {
		b.Run(string(level), func(b *testing.B) {
			p := start(b, target.Host, func(o *audit.Options) { o.Record.Level = level })
			b.ResetTimer()
			ask(b, "http://"+p.address, question)
			b.StopTimer()
			if err := p.stop(); err != nil {
				b.Error(err)
			}
		})
	}
}

// ask sends questions on four connections.
func ask(b *testing.B, address string, question []byte) {
	b.Helper()
	b.ReportAllocs()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	defer client.CloseIdleConnections()
	before := cpu(b)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range b.N / 4 {
				res, err := client.Post(address+"/v1/chat/completions", "application/json", bytes.NewReader(question))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu returns the processor time that this process has taken. Unlike the time of the clock, it tells something on a busy
// machine.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

type buffers struct{ sync.Pool }

func (p *buffers) Get() []byte {
	if b, ok := p.Pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *buffers) Put(b []byte) { p.Pool.Put(&b) }
