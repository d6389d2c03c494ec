package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/testing/apiserver"
)

const jobKey = "batch/v1/jobs/app/migrate"

func jobs() kube.Selection {
	return kube.Selection{Resource: kube.Resource{Group: "batch", Version: "v1", Plural: "jobs"}, Namespace: "app", Name: "migrate"}
}

// inPod returns a client as a Pod has it, and the path of its token.
func inPod(t *testing.T, s *apiserver.Server) (*kube.Client, string) {
	t.Helper()
	files, env, stop := s.Start()
	t.Cleanup(stop)
	token := account(t, files)
	k := kube.New(kube.Config{Env: env, TokenFile: token})
	t.Cleanup(k.Close)
	return k, token
}

func job(complete string) apiserver.Object {
	return apiserver.Object{"status": apiserver.Object{"phase": complete}}
}

// phase returns what [job] was given.
func phase(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var o struct{ Status struct{ Phase string } }
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Error(err)
	}
	return o.Status.Phase
}

// follow watches a Job from a version, and passes on what it sees.
func follow(t *testing.T, k *kube.Client, version string) (seen <-chan string, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	changes, end := make(chan string, 10), make(chan error, 1)
	go func() {
		_, err := k.Watch(ctx, jobs(), version, func(c kube.Change) bool {
			if c.Deleted {
				changes <- "deleted"
				return true
			}
			changes <- phase(t, c.Object)
			return false
		})
		end <- err
	}()
	return changes, end
}

// next returns what happens next.
func next[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing has happened for a minute")
	}
	return v
}

// until waits for a condition of a server.
func until(t *testing.T, met func() bool) {
	t.Helper()
	for start := time.Now(); !met(); time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("it has not happened for a minute")
		}
	}
}

// list returns the phases of all objects of a selection.
func list(t *testing.T, k *kube.Client, s kube.Selection) (phases []string, version string) {
	t.Helper()
	version, err := k.List(t.Context(), s, func(o json.RawMessage) error {
		phases = append(phases, phase(t, o))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return phases, version
}

// TestWatch follows a Job from before it exists until it is deleted, by watches that end, are cut off in the middle of a
// line, and are opened again with another token.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := &apiserver.Server{Token: "first"}
	k, token := inPod(t, s)
	s.Put("batch/v1/jobs/app/another", job("wrong"))
	phases, version := list(t, k, jobs())
	if len(phases) > 0 {
		t.Errorf("it exists before it was made: %q", phases)
	}
	s.Put(jobKey, job("a")) // between the list and the watch
	seen, ended := follow(t, k, version)
	for _, how := range []apiserver.Stop{apiserver.End, apiserver.Cut} {
		if got := next(t, seen); got != "a" && got != "c" {
			t.Errorf("got %q", got)
		}
		time.Sleep(1100 * time.Millisecond) // a watch that ends at once is another case
		s.Rotate("next" + strconv.Itoa(int(how)))
		if err := os.WriteFile(token, []byte("next"+strconv.Itoa(int(how))), 0o600); err != nil {
			t.Fatal(err)
		}
		n := s.Watchers()
		s.Stop(how)
		until(t, func() bool { return s.Watchers() > n })
		s.Put(jobKey, job("c"))
	}
	if got := next(t, seen); got != "c" {
		t.Errorf("got %q, want what has changed last", got)
	}
	s.Delete(jobKey)
	if got, err := next(t, seen), next(t, ended); got != "deleted" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestWatchGone has the server forget what has changed, and say so in both ways. After a bookmark nothing is missed.
func TestWatchGone(t *testing.T) {
	t.Parallel()
	for _, byStatus := range []bool{false, true} {
		s := &apiserver.Server{GoneStatus: byStatus}
		k, _ := inPod(t, s)
		_, version := list(t, k, jobs())
		s.Compact()
		_, ended := follow(t, k, version)
		if err := next(t, ended); !kube.IsStatus(err, http.StatusGone) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("by status %t: %v", byStatus, err)
		}
	}
	s := &apiserver.Server{}
	k, _ := inPod(t, s)
	_, version := list(t, k, jobs())
	seen, ended := follow(t, k, version)
	until(t, func() bool { return s.Watchers() == 1 })
	s.Compact()
	s.Bookmark()
	time.Sleep(1100 * time.Millisecond)
	s.Stop(apiserver.Cut)
	until(t, func() bool { return s.Watchers() == 2 })
	s.Put(jobKey, job("a"))
	if got := next(t, seen); got != "a" {
		t.Errorf("got %q after a bookmark", got)
	}
	s.Stop(apiserver.Expire)
	if err := next(t, ended); !kube.IsStatus(err, http.StatusGone) {
		t.Errorf("expired: %v", err)
	}
}

func TestWatchFails(t *testing.T) {
	t.Parallel()
	s := &apiserver.Server{Deny: func(r apiserver.Request) bool { return r.Verb == "watch" }}
	k, _ := inPod(t, s)
	_, ended := follow(t, k, "1")
	if err := next(t, ended); !kube.IsStatus(err, http.StatusForbidden) {
		t.Errorf("forbidden: %v", err)
	}
	for body, want := range map[string]string{
		"":           kube.ErrWatchEnded.Error(),
		"s3cr3t\n":   "is invalid",
		`{"type": 1`: kube.ErrWatchEnded.Error(),
		`{"type":"ADDED","object":{"a":"` + strings.Repeat("a", 3<<20) + `"}}`: "is invalid",
		`{"type":"ADDED","object":[]}`:                                         "is invalid",
	} {
		k := kube.New(kube.Config{Env: env, TokenFile: account(t, map[string]string{"token": "t"}), Transport: answer{200, body}})
		_, err := k.Watch(t.Context(), jobs(), "1", func(kube.Change) bool { return false })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", body, err, want)
		}
	}
}

// TestWatchSilent has a server that never ends its answer: the context does.
func TestWatchSilent(t *testing.T) {
	t.Parallel()
	s := &apiserver.Server{Fault: func(*http.Request) apiserver.Fault { return apiserver.Hangs }}
	k, _ := inPod(t, s)
	over := errors.New("over")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, over)
	defer cancel()
	if _, err := k.Watch(ctx, jobs(), "1", func(kube.Change) bool { return true }); !errors.Is(err, over) {
		t.Errorf("got %v, want what ended the context", err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := &apiserver.Server{}
	for i := range 3 {
		labels := apiserver.Object{"app": []string{"a", "b"}[i%2]}
		s.Put("/v1/pods/app/p"+strconv.Itoa(i), apiserver.Object{"metadata": apiserver.Object{"labels": labels}, "status": apiserver.Object{"phase": strconv.Itoa(i)}})
	}
	k, _ := inPod(t, s)
	pods := kube.Selection{Resource: kube.Resource{Version: "v1", Plural: "pods"}, Namespace: "app", Labels: "app=a"}
	if phases, version := list(t, k, pods); strings.Join(phases, " ") != "0 2" || version != "3" {
		t.Errorf("got %q at %s", phases, version)
	}
	for body, want := range map[string]string{
		`[]`:           "is invalid",
		`{"items":{}}`: "is invalid",
		`{"items":["` + strings.Repeat("a", 3<<20) + `"]}`: "is invalid",
		`{"items":[]`: "cut off",
	} {
		k := kube.New(kube.Config{Env: env, TokenFile: account(t, map[string]string{"token": "t"}), Transport: answer{200, body}})
		if _, err := k.List(t.Context(), pods, func(json.RawMessage) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", body, err, want)
		}
	}
}

// TestListIsBounded lists more than fits into memory: one object is there at a time.
func TestListIsBounded(t *testing.T) {
	t.Parallel()
	const objects, size = 200, 1 << 20
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"7"},"items":[""`)
		for range objects {
			_, _ = io.WriteString(w, `,"`+strings.Repeat("a", size)+`"`)
		}
		_, _ = io.WriteString(w, `]}`)
	}))
	defer server.Close()
	k := kube.New(kube.Config{Env: env, TokenFile: account(t, map[string]string{"token": "t"}), Transport: toServer{server}})
	n, largest := 0, 0
	version, err := k.List(t.Context(), jobs(), func(o json.RawMessage) error {
		n, largest = n+1, max(largest, cap(o))
		return nil
	})
	if n != objects+1 || largest > 2*size || version != "7" || err != nil {
		t.Errorf("%d objects of at most %d bytes, version %q, %v", n, largest, version, err)
	}
}

// toServer sends requests to a server, whatever their host is.
type toServer struct{ *httptest.Server }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = s.Listener.Addr().String()
	return s.Client().Transport.RoundTrip(r)
}

func FuzzWatch(f *testing.F) {
	f.Add([]byte(`{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}` + "\n" + `{"type":"BOOKMARK","object":{"metadata":{}}}`))
	f.Add([]byte(`{"type":"ERROR","object":{"code":410}}`))
	f.Add([]byte(`{"items":[{"metadata":{}}],"metadata":{"resourceVersion":"1"}}`))
	dir := f.TempDir()
	if err := os.WriteFile(dir+"/token", []byte("t"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		k := kube.New(kube.Config{Env: env, TokenFile: dir + "/token", Transport: answer{200, string(body)}})
		if _, err := k.Watch(t.Context(), jobs(), "1", func(kube.Change) bool { return false }); err == nil {
			t.Error("a watch that nobody ended has ended without an error")
		}
		_, _ = k.List(t.Context(), jobs(), func(json.RawMessage) error { return nil })
	})
}
