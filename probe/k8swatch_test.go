package probe_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/apiserver"
	"github.com/inith/inith/probe"
)

// A waiting is a wait that is under way.
type waiting struct {
	*cluster

	events chan probe.Event
	end    chan error
}

// wait waits for a target.
func (c *cluster) wait(t *testing.T, raw string) *waiting {
	t.Helper()
	target := c.open(t, raw)
	w := &waiting{c, make(chan probe.Event, 1000), make(chan error, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	go func() {
		w.end <- (&probe.Waiter{AttemptTimeout: patience, Notify: func(e probe.Event) { w.events <- e }}).Wait(ctx, target)
	}()
	return w
}

// sees waits for an attempt that was not ready for a reason, and for the watch that follows.
func (w *waiting) sees(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case e := <-w.events:
			if e.Err != nil && strings.Contains(e.Err.Error(), text) {
				return
			}
		case err := <-w.end:
			t.Fatalf("it has ended: %v", err)
		case <-time.After(patience):
			t.Fatalf("no %q", text)
		}
	}
}

// watches waits until there were so many watches.
func (w *waiting) watches(t *testing.T, n int) {
	t.Helper()
	for start := time.Now(); w.Watchers() < n; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%d watches, want %d", w.Watchers(), n)
		}
	}
}

// ends waits for the end.
func (w *waiting) ends(t *testing.T, want verdict, text string) {
	t.Helper()
	select {
	case err := <-w.end:
		checkVerdict(t, err, want, text)
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// lists counts the requests to list a resource.
func (w *waiting) lists(resource string) (n int) {
	for _, r := range w.Requests() {
		if r.Verb == "list" && r.Resource == resource {
			n++
		}
	}
	return n
}

// TestKubernetesWait follows a Job through its life. It lists it once: the rest comes from the watch.
func TestKubernetesWait(t *testing.T) {
	t.Parallel()
	w := newCluster(t, &apiserver.Server{}).wait(t, "job/migrate")
	w.sees(t, "the job does not exist (yet)")
	w.watches(t, 1)
	w.put(t, jobKey, `{"status":{"active":1}}`)
	w.sees(t, "0 of 1 completions, 1 active")
	w.watches(t, 2)
	w.put(t, "batch/v1/jobs/app/another", jobFailed)
	w.put(t, jobKey, jobMet)
	w.sees(t, "1 of 1 completions")
	w.watches(t, 3)
	w.put(t, jobKey, jobComplete)
	w.ends(t, ready, "")
	if n := w.lists("jobs"); n != 1 {
		t.Errorf("%d lists, want 1", n)
	}
}

// TestKubernetesFailed ends at once when a Job fails, or is deleted.
func TestKubernetesFailed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		target string
		then   func(w *waiting)
		want   verdict
		text   string
	}{
		"failed":                  {"job/migrate", func(w *waiting) { w.put(t, jobKey, jobTarget) }, permanent, "the job has failed (BackoffLimitExceeded)"},
		"gone":                    {"job/migrate", func(w *waiting) { w.Delete(jobKey) }, permanent, "the job was deleted before inith saw how it ended"},
		"gone, which is accepted": {"job/migrate#gone=ready", func(w *waiting) { w.Delete(jobKey) }, ready, ""},
		"complete, and deleted with it": {"job/migrate", func(w *waiting) {
			w.put(t, jobKey, jobComplete)
			w.Delete(jobKey)
		}, ready, ""},
		"failed, and deleted with it": {"job/migrate#gone=ready", func(w *waiting) {
			w.put(t, jobKey, jobFailed)
			w.Delete(jobKey)
		}, permanent, "the job has failed (DeadlineExceeded)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, &apiserver.Server{})
			c.put(t, jobKey, jobRunning)
			w := c.wait(t, tt.target)
			w.watches(t, 1)
			tt.then(w)
			w.ends(t, tt.want, "k8s:///job/migrate is not ready: "+tt.text)
		})
	}
}

// TestKubernetesWatchEnds has watches end in each way that a server has: nothing is missed.
func TestKubernetesWatchEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *waiting){
		"410 as an event":  func(_ *testing.T, w *waiting) { w.Compact(); w.Stop(apiserver.Expire) },
		"410 as a status":  func(_ *testing.T, w *waiting) { w.Compact(); w.Stop(apiserver.End) },
		"after a bookmark": func(_ *testing.T, w *waiting) { w.Compact(); w.Bookmark(); w.Stop(apiserver.End) },
		"ended":            func(_ *testing.T, w *waiting) { w.Stop(apiserver.End) },
		"cut off":          func(_ *testing.T, w *waiting) { w.Stop(apiserver.Cut) },
		"another token": func(t *testing.T, w *waiting) {
			t.Helper()
			rewrite(t, w.token, secret+"2")
			w.Rotate(secret + "2")
			w.Stop(apiserver.End)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCluster(t, &apiserver.Server{GoneStatus: strings.Contains(name, "status")}).wait(t, "job/migrate")
			w.watches(t, 1)
			end(t, w)
			w.watches(t, 2)
			w.put(t, jobKey, jobComplete)
			w.ends(t, ready, "")
		})
	}
}

// TestKubernetesPolls lists where watches are forbidden, or fail.
func TestKubernetesPolls(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*apiserver.Server{
		"forbidden":              {Deny: func(r apiserver.Request) bool { return r.Verb == "watch" }},
		"neither list nor watch": {Deny: func(r apiserver.Request) bool { return r.Verb != "get" }},
		"no watches": {Fault: func(r *http.Request) apiserver.Fault {
			if r.URL.Query().Has("watch") {
				return apiserver.Dropped
			}
			return apiserver.None
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCluster(t, s).wait(t, "job/migrate")
			w.sees(t, "the job does not exist (yet)")
			w.put(t, jobKey, jobComplete)
			w.ends(t, ready, "")
		})
	}
}

// TestKubernetesUnavailable waits for an API server that is down, or does not answer.
func TestKubernetesUnavailable(t *testing.T) {
	t.Parallel()
	down := make(chan struct{})
	s := &apiserver.Server{Fault: func(*http.Request) apiserver.Fault {
		select {
		case <-down:
			return apiserver.None
		default:
			return apiserver.Down
		}
	}}
	c := newCluster(t, s)
	c.put(t, jobKey, jobComplete)
	w := c.wait(t, "job/migrate")
	w.sees(t, "the API server answers with status 503")
	close(down)
	w.ends(t, ready, "")

	hangs := newCluster(t, &apiserver.Server{Fault: func(*http.Request) apiserver.Fault { return apiserver.Hangs }})
	target := hangs.open(t, "job/migrate#timeout=100ms")
	checkVerdict(t, target.Probe(t.Context()), notYet, "the API server did not answer in time")
	if err := os.Remove(hangs.token); err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, target.Probe(t.Context()), notYet, `token" does not exist yet`)
}

// TestKubernetesWatchIsCancelled ends a wait while it watches: nothing is left.
func TestKubernetesWatchIsCancelled(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &apiserver.Server{})
	target := c.open(t, "job/migrate")
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	end := make(chan error, 1)
	go func() { end <- (&probe.Waiter{AttemptTimeout: patience}).Wait(ctx, target) }()
	w := &waiting{cluster: c, end: end}
	w.watches(t, 1)
	cancel(over)
	w.ends(t, notYet, "k8s:///job/migrate is not ready: the job does not exist (yet) (level state, 1 attempt")
}

// TestKubernetesTrouble shows why the Pods of a Job do not start, which is no change of the Job.
func TestKubernetesTrouble(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &apiserver.Server{})
	c.put(t, jobKey, jobRunning)
	w := c.wait(t, "job/migrate")
	w.watches(t, 1)
	c.put(t, "/v1/pods/app/migrate-x7", `{"metadata":{"labels":{"batch.kubernetes.io/controller-uid":"u1"}},
		"status":{"containerStatuses":[{"name":"migrate","state":{"waiting":{"reason":"ImagePullBackOff","message":"`+secret+`"}}}]}}`)
	w.sees(t, "the job has not completed: 0 of 1 completions, 1 active, 2 failed; container migrate is in ImagePullBackOff")
	if n := w.lists("pods"); n > 20 {
		t.Errorf("%d lists of pods", n)
	}
	c.put(t, jobKey, jobComplete)
	w.ends(t, ready, "")
}

func FuzzKubernetesObject(f *testing.F) {
	f.Add([]byte(jobRunning), byte(0))
	f.Add([]byte(`{"metadata":{"name":"x"},"status":{"containerStatuses":[{"state":{"waiting":{"reason":"a b"}}}]}}`), byte(1))
	f.Add([]byte(`{"endpoints":[{"conditions":{"ready":null}}]}`), byte(2))
	targets := []string{"job/x", "pod/x", "svc/x", "deploy/x", "sts/x", "ds/x", "pvc/x", "cm/x#key=a", "crd/x", "pod?selector=a=b", "job/x#condition=Ready"}
	f.Fuzz(func(t *testing.T, object []byte, kind byte) {
		if err := probe.JudgeObject(targets[int(kind)%len(targets)], object); err != nil && strings.ContainsAny(err.Error()+probe.Hint(err), "\n\x1b") {
			t.Errorf("the error has what the server sent: %q", err)
		}
	})
}

// TestKubernetesDown waits until an object is deleted, whatever its state is meanwhile. An API server that does not
// answer says nothing about it.
func TestKubernetesDown(t *testing.T) {
	t.Parallel()
	var faulty atomic.Bool
	c := newCluster(t, &apiserver.Server{Fault: func(*http.Request) apiserver.Fault {
		if faulty.Load() {
			return apiserver.Dropped
		}
		return apiserver.None
	}})
	c.put(t, jobKey, jobFailed)
	target := open(t, "job/migrate#token-file="+escape(c.token), probe.Options{Env: c.env, Down: true})
	checkVerdict(t, target.Probe(t.Context()), notYet, "the job has failed")
	faulty.Store(true)
	checkVerdict(t, target.Probe(t.Context()), notYet, "cut off or is invalid")
	faulty.Store(false)
	w := &waiting{c, make(chan probe.Event, 1000), make(chan error, 1)}
	go func() {
		w.end <- (&probe.Waiter{AttemptTimeout: patience, Notify: func(e probe.Event) { w.events <- e }}).Wait(t.Context(), target)
	}()
	w.watches(t, 1)
	c.put(t, jobKey, jobComplete)
	w.sees(t, "still ready")
	c.Delete(jobKey)
	w.ends(t, ready, "")
}
