package probe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// health is a server of grpc.health.v1.Health: what it answers for a service, and the code.
type health struct {
	service, answer, code string
	status                int // of HTTP; zero is 200
	token                 bool
}

func (h health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, _ := io.ReadAll(r.Body)
	want := "\x00\x00\x00\x00\x00"
	if h.service != "" {
		want = "\x00\x00\x00\x00" + string(rune(len(h.service)+2)) + "\x0a" + string(rune(len(h.service))) + h.service
	}
	w.Header().Set("Content-Type", "application/grpc")
	code := h.code
	switch {
	case h.token && r.Header.Get("Authorization") != "Bearer "+secret:
		code = "16"
	case r.URL.Path != "/grpc.health.v1.Health/Check", r.Method != http.MethodPost, r.Header.Get("Te") != "trailers":
		code = "12"
	case string(request) != want:
		code = "5"
	case h.status != 0:
		w.WriteHeader(h.status)
		return
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Message", r.Header.Get("Authorization")) // not to be shown
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", code)
	if code == "0" {
		_, _ = io.WriteString(w, h.answer)
	}
}

// grpcServer starts a server of HTTP/2, over TLS or without.
func grpcServer(t *testing.T, h http.Handler, secure bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	const (
		serving    = "\x00\x00\x00\x00\x02\x08\x01"
		notServing = "\x00\x00\x00\x00\x02\x08\x02"
		empty      = "\x00\x00\x00\x00\x00"
		later      = "\x00\x00\x00\x00\x06\x12\x02ab\x08\x01" // after a field that is not known
		temporal   = "temporal.api.workflowservice.v1.WorkflowService"
	)
	for _, tt := range []struct {
		name   string
		kind   string
		server health
		rest   string
		want   verdict
		text   string
	}{
		{"serving", "grpc", health{answer: serving, code: "0"}, "", ready, ""},
		{"by TLS", "grpcs", health{answer: serving, code: "0"}, "#insecure-skip-tls-verify", ready, ""},
		{"another field", "grpc", health{answer: later, code: "0"}, "", ready, ""},
		{"not serving", "grpc", health{answer: notServing, code: "0"}, "", notYet, "NOT_SERVING"},
		{"unknown", "grpc", health{answer: empty, code: "0"}, "", notYet, "UNKNOWN"},
		{"service", "grpc", health{service: "app.Orders", answer: serving, code: "0"}, "#service=app.Orders", ready, ""},
		{"service not serving", "grpc", health{service: "app.Orders", answer: notServing, code: "0"}, "#service=app.Orders", notYet, "NOT_SERVING"},
		{"another service", "grpc", health{service: "app.Orders", answer: serving, code: "0"}, "#service=app.Other", notYet, "health of this service"},
		{"no health service", "grpc", health{code: "12"}, "", ready, ""},
		{"no health service, at state", "grpc", health{code: "12"}, "#level=state", notYet, "has no health service"},
		{"no health service, which was asked for", "grpc", health{service: "x", code: "12"}, "#service=x", notYet, "has no health service"},
		{"unavailable", "grpc", health{code: "14"}, "", notYet, "status 14 (UNAVAILABLE)"},
		{"wants a token", "grpc", health{token: true, answer: serving, code: "0"}, "", ready, ""},
		{"wants a token, at state", "grpc", health{token: true, answer: serving, code: "0"}, "#level=state", notYet, "UNAUTHENTICATED"},
		{"right token", "grpc", health{token: true, answer: serving, code: "0"}, "#password-file=" + escape(secretFile(t, secret)), ready, ""},
		{"wrong token", "grpc", health{token: true, answer: serving, code: "0"}, "#password-file=" + escape(secretFile(t, "x"+secret)), rejected, "UNAUTHENTICATED"},
		{"status of HTTP", "grpc", health{status: 503}, "", notYet, "status 503"},
		{"refused by HTTP", "grpc", health{status: 401}, "", ready, ""},
		{"code is no code", "grpc", health{code: "17"}, "", notYet, "not as gRPC does"},
		{"code is a text", "grpc", health{code: secret}, "", notYet, "not as gRPC does"},
		{"no frame", "grpc", health{answer: "\x00", code: "0"}, "", notYet, "not with a health"},
		{"long frame", "grpc", health{answer: serving + strings.Repeat("x", 1<<20), code: "0"}, "", notYet, "not as gRPC does"},
		{"malformed", "grpc", health{answer: "\x00\x00\x00\x00\x03\x12\xff\x01", code: "0"}, "", notYet, "not with a health"},
		{"temporal", "temporal", health{service: temporal, answer: serving, code: "0"}, "", ready, ""},
		{"temporal by TLS", "temporal+grpcs", health{service: temporal, answer: serving, code: "0"}, "#insecure-skip-tls-verify", ready, ""},
		{"temporal is starting", "temporal", health{service: temporal, answer: notServing, code: "0"}, "", notYet, "NOT_SERVING"},
		{"not temporal", "temporal", health{answer: serving, code: "12"}, "", notYet, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := grpcServer(t, tt.server, strings.HasSuffix(tt.kind, "grpcs"))
			check(t, tt.kind+"://"+address+tt.rest, tt.want, tt.text)
		})
	}
}

// TestGRPCOtherServers has servers that are none of gRPC.
func TestGRPCOtherServers(t *testing.T) {
	t.Parallel()
	check(t, "grpc://"+serve(t, simserver.HTTP(http.StatusOK)), notYet, "")
	check(t, "grpc://"+serve(t, simserver.Silent), notYet, "sent nothing")
	check(t, "grpc://"+serve(t, simserver.HangUp), notYet, "without an answer")
	check(t, "grpcs://"+serve(t, simserver.HTTP(http.StatusOK))+"#insecure-skip-tls-verify", notYet, "TLS handshake")
	secure := httptest.NewTLSServer(http.NotFoundHandler()) // HTTP/1.1
	t.Cleanup(secure.Close)
	check(t, "grpcs://"+secure.Listener.Addr().String()+"#insecure-skip-tls-verify", notYet, "does not speak HTTP/2")
	page := grpcServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, secret) }), false)
	check(t, "grpc://"+page, notYet, "not as gRPC does")
}

func TestGRPCOpen(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"grpc://app":              "missing port",
		"grpc://app:1/x.Service":  "the service goes to #service=",
		"grpc://app:1?x=1":        "query key",
		"grpc://app:1#level=auth": "no level auth",
	} {
		if _, err := probe.Open(raw, probe.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", raw, err, want)
		}
	}
	for raw, want := range map[string]string{"grpcs://app": "grpcs://app:443", "temporal://t": "temporal://t:7233"} {
		if got := open(t, raw, probe.Options{}).Name; got != want {
			t.Errorf("Open(%q): %s, want %s", raw, got, want)
		}
	}
}

// FuzzGRPCAnswer answers with any bytes for the health.
func FuzzGRPCAnswer(f *testing.F) {
	for _, answer := range []string{"", "\x00\x00\x00\x00\x02\x08\x01", "\x01\x00\x00\x00\x00", "\x00\xff\xff\xff\xff\x08", "\x00\x00\x00\x00\x03\x12\xff\x01"} {
		f.Add(answer, "0")
	}
	f.Fuzz(func(t *testing.T, answer, code string) {
		address := grpcServer(t, health{answer: answer, code: code}, false)
		_ = attemptWithin(t, "grpc://"+address, 10*time.Second)
	})
}
