package source_test

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch/source"
)

// TestRequestsAreCounted has a server that ends each connection at its second request, without
// an answer: a library that sends it again over the next connection would make one request
// many. What is sent has no body.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	const idle = 8
	var seen sync.Map
	var ended, bodies atomic.Int64
	var together sync.WaitGroup // the first requests come over connections of their own
	together.Add(idle)
	o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			bodies.Add(1)
		}
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
			ended.Add(1)
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("Range") == "bytes=0-0" {
			together.Done()
			together.Wait()
		}
		w.Header().Set("Content-Range", "bytes 0-0/"+strconv.Itoa(10))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("x"))
	})
	var all sync.WaitGroup
	for range idle {
		all.Go(func() {
			part, err := o.Source.Open(t.Context(), 0, 1, "")
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = part.Body.Read(make([]byte, 2))
			_ = part.Body.Close()
		})
	}
	all.Wait()
	if part, err := o.Source.Open(t.Context(), 0, source.ToEnd, ""); err == nil {
		_ = part.Body.Close()
	}
	const tries = 3 // of our own policy, one after the other
	if n := ended.Load(); n == 0 || n > tries {
		t.Errorf("%d requests, want at most %d", n, tries)
	}
	if bodies.Load() > 0 {
		t.Error("a GET has a body")
	}
}
