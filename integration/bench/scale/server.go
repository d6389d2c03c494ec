package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

func randomBytes(n int64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // it never fails
	return b
}

// A server has the file.
type server struct {
	content func(ctx context.Context) ([]byte, error)
	rate    *rate.Limiter
	quota   int // requests per window; zero: any number
	window  time.Duration

	mu                      sync.Mutex
	begun                   time.Time // of the window
	inWindow                int
	sent, requests, refused int64
}

// start serves until stop.
func (s *server) start() (url string, stop func()) {
	h := httptest.NewServer(s)
	return h.URL, h.Close
}

// ServeHTTP sends the file, or the part that is asked for.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if wait := s.admit(time.Now()); wait > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(wait.Seconds()))))
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	b, err := s.content(r.Context())
	if err != nil {
		http.Error(w, "no content", http.StatusBadGateway)
		return
	}
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(&slowWriter{w, s, r.Context()}, r, "", time.Time{}, bytes.NewReader(b))
}

// admit counts a request. It returns how long to wait if there were too many.
func (s *server) admit(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.quota == 0 {
		return 0
	}
	if now.Sub(s.begun) >= s.window {
		s.begun, s.inWindow = now, 0
	}
	if s.inWindow++; s.inWindow <= s.quota {
		return 0
	}
	s.refused++
	return s.begun.Add(s.window).Sub(now)
}

// A slowWriter sends at the rate of its server.
type slowWriter struct {
	http.ResponseWriter
	server *server
	ctx    context.Context //nolint:containedctx // of the request
}

// Write sends in turns with the other requests.
func (w *slowWriter) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		n := min(len(b)-sent, w.server.rate.Burst())
		if err := w.server.rate.WaitN(w.ctx, n); err != nil {
			return sent, err
		}
		n, err := w.ResponseWriter.Write(b[sent : sent+n])
		sent += n
		w.server.mu.Lock()
		w.server.sent += int64(n)
		w.server.mu.Unlock()
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (w *world) newOrigin() *server {
	return &server{content: func(context.Context) ([]byte, error) { return w.content, nil }, rate: limiter(w.originRate), quota: w.quota, window: w.window}
}

// newMirror returns a server that asks the origin once, as a caching proxy in front of it does.
func (w *world) newMirror(ctx context.Context, origin string) *server {
	once := sync.OnceValues(func() ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin, http.NoBody)
		if err != nil {
			return nil, err
		}
		resp, err := (&http.Client{}).Do(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		return io.ReadAll(resp.Body)
	})
	return &server{content: func(context.Context) ([]byte, error) { return once() }, rate: limiter(w.mirrorRate)}
}

func limiter(perSecond int64) *rate.Limiter { return rate.NewLimiter(rate.Limit(perSecond), 64<<10) }
