package audit

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/sidecar/audit/internal/decode"
)

// forward passes the request on, and the answer back.
func (x *exchange) forward() {
	transport, in := x.p.http1, x.in
	if in.ProtoMajor == 2 { // a client of gRPC expects an application that speaks it
		transport = x.p.http2
	} else {
		_ = http.NewResponseController(x.w).EnableFullDuplex()
		if in.ContentLength == 0 { // net/http never sends a body again that it cannot rewind
			ctx, cancel := context.WithCancelCause(in.Context())
			defer cancel(nil)
			in = in.WithContext(withoutRetry(ctx, cancel))
		}
	}
	w := x.w
	if x.in.Header.Get("Upgrade") != "" {
		w = upgradeWriter{w}
	}
	proxy := httputil.ReverseProxy{
		Rewrite: x.rewrite, Transport: transport, BufferPool: x.p,
		ErrorHandler: x.failed, ErrorLog: x.p.discard,
	}
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.ContentLength > 0 { // ReverseProxy flushes others at once, and would hold this one back until its end
			proxy.FlushInterval = flushInterval
		}
		return x.answered(res)
	}
	defer x.settle()
	proxy.ServeHTTP(w, in)
}

// flushInterval is how long a piece of an answer whose length is known may wait for the next one. Most such answers are sent
// at once: to flush their headers alone would cost a tenth of the rate.
const flushInterval = time.Millisecond

// settleTime is how long the end of an answer may wait for the rest of its request.
const settleTime = time.Second

// settle sends what there is of the answer, and reads the rest of a request that the application did not want. Where
// EnableFullDuplex is in use, net/http closes the connection, without saying so, if it reads that rest itself.
// https://go.dev/issue/68560
func (x *exchange) settle() {
	client := http.NewResponseController(x.w)
	unread := x.in.ProtoMajor == 1 && !x.request.hasEnded() && x.upgrade == ""
	if unread || x.answerErr != nil {
		_ = client.Flush()
	}
	if !unread || x.answerErr != nil || x.in.Header.Get("Expect") != "" { // these connections are closed in any case
		return
	}
	const most = 256 << 10 // more is not worth it: net/http closes the connection then
	_ = client.SetReadDeadline(time.Now().Add(settleTime))
	_, _ = io.CopyN(io.Discard, x.in.Body, most)
	_ = client.SetReadDeadline(time.Time{})
}

// errRetry ends a request that net/http would send again.
var errRetry = errors.New("the connection to the application ended before its answer")

// withoutRetry cancels a request when net/http sends it again, as it does with a GET whose connection ended before the
// answer: the application may have seen it.
func withoutRetry(ctx context.Context, cancel context.CancelCauseFunc) context.Context {
	var sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
		GotConn: func(httptrace.GotConnInfo) {
			if sent.Load() {
				cancel(errRetry)
			}
		},
	})
}

// rewrite makes the request to the application that of the client, but for its address and two headers.
func (x *exchange) rewrite(r *httputil.ProxyRequest) {
	in, out := r.In, r.Out
	out.URL.Scheme, out.URL.Host, out.URL.RawQuery = "http", x.p.o.Upstream, in.URL.RawQuery // ReverseProxy drops parts of it
	if raw, _, _ := strings.Cut(in.RequestURI, "?"); strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") && raw != out.URL.EscapedPath() {
		out.URL.Opaque = raw // bytes that net/url would escape
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} { // ReverseProxy drops them
		if values, ok := in.Header[name]; ok {
			out.Header[name] = slices.Clone(values)
		}
	}
	if host, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		out.Header.Set("X-Forwarded-For", strings.Join(append(in.Header["X-Forwarded-For"], host), ", "))
	}
	out.Header.Set("X-Request-Id", x.id)
	if out.Body != nil {
		out.Body = &requestBody{ReadCloser: out.Body, x: x, in: in, out: out}
	}
}

// A requestBody is the body of a request, on its way to the application.
type requestBody struct {
	io.ReadCloser

	x       *exchange
	in, out *http.Request
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.request.pass(p[:n])
	switch {
	case errors.Is(err, io.EOF):
		b.x.request.end()
		if b.out.Trailer != nil { // announced: its values are known only now
			maps.Copy(b.out.Trailer, b.in.Trailer)
		}
	case err != nil:
		b.x.requestErr.Store(&err)
	}
	return n, err
}

// answered takes note of the headers of the answer.
func (x *exchange) answered(res *http.Response) error {
	x.status, x.answer, x.answeredAt = res.StatusCode, res.Header, time.Now()
	if res.Header.Get("X-Request-Id") == "" {
		res.Header.Set("X-Request-Id", x.id)
	}
	for _, name := range []string{"Date", "Content-Type"} { // net/http would add them
		if _, ok := res.Header[name]; !ok {
			x.w.Header()[name] = nil
		}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if body, ok := res.Body.(io.ReadWriteCloser); ok {
			x.upgrade = res.Header.Get("Upgrade")
			res.Body = &tunnel{body, x}
		}
		return nil
	}
	x.response.expected = res.ContentLength
	x.readUsage(res.Header.Get("Content-Type"), res.Header.Get("Content-Encoding"))
	res.Body = &responseBody{res.Body, x}
	return nil
}

// readUsage begins to read the usage of a model from the answer.
func (x *exchange) readUsage(contentType, encoding string) {
	if x.usage == nil {
		return
	}
	if !decode.IsIdentity(encoding) {
		if !x.p.budget.take(decode.Memory) {
			return
		}
		x.response.decoding = decode.Memory
	}
	x.response.usage = x.usage.Response(contentType, encoding)
}

// A responseBody is the body of an answer, on its way to the client.
type responseBody struct {
	io.ReadCloser

	x *exchange
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.response.pass(p[:n])
	switch {
	case errors.Is(err, io.EOF):
		b.x.response.end()
	case err != nil:
		b.x.answerErr = err
	}
	return n, err
}

// failed answers in place of an application that did not.
func (x *exchange) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusBadGateway
	known := usererr.Network(err)
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case x.in.Context().Err() != nil:
		x.outcome, x.failure = outcomeClient, "the client went away before the answer"
	case x.requestErr.Load() != nil:
		x.outcome, x.failure, status = outcomeClient, "the client broke off its request", http.StatusBadRequest
	case op != nil && op.Op == "dial" && op.Timeout():
		x.outcome, x.failure, status = outcomeTimeout, "the application did not accept a connection in time", http.StatusGatewayTimeout
	case known != nil:
		x.outcome, x.failure = outcomeUpstream, "the application is not reachable: "+known.Text
	default:
		x.outcome, x.failure = outcomeUpstream, errRetry.Error()
	}
	x.reply(status, cmp.Or(x.failure, "no answer"))
}
