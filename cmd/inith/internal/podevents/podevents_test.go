package podevents_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/podevents"
	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/testing/apiserver"
)

// poster returns a poster for the Pod web-1 in the namespace app, and the log of what goes wrong.
func poster(t *testing.T, s *apiserver.Server) (*podevents.Poster, *bytes.Buffer) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	for name, content := range map[string]string{"token": "t0ken", "namespace": "app"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(token), name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := &bytes.Buffer{}
	client := kube.New(kube.Config{
		Env: []string{"KUBERNETES_SERVICE_HOST=api", "KUBERNETES_SERVICE_PORT=443"}, TokenFile: token, Transport: s,
	})
	return podevents.New(t.Context(), podevents.Pod{Name: "web-1", UID: "u1"}, client, slog.New(slog.NewTextHandler(log, nil))), log
}

// events returns what the API server has, in the order in which it was made.
func events(s *apiserver.Server) (all []string) {
	for _, e := range s.Find("/v1/events/app/") {
		about, _ := e["involvedObject"].(apiserver.Object)
		all = append(all, fmt.Sprint(e["type"], " ", e["reason"], " ", about["name"], "/", about["uid"], " x", e["count"], ": ", e["message"]))
	}
	return all
}

// TestPost posts what each command logs, each once however often it is logged; the same one counts again later.
func TestPost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &apiserver.Server{}
		p, failed := poster(t, s)
		log := p.Logger(slog.New(slog.DiscardHandler))
		target := log.With("target", "k8s:///job/x")
		target.Debug("not ready", "err", "no news")
		target.Info("not ready", "err", "connection\nrefused")
		target.Info("not ready", "err", "the job has not completed")
		target.Info("still waiting")
		synctest.Wait()
		target.Info("not ready", "err", "the job has not completed")
		target.Info("ready")
		for _, bytes := range []int{10, 24, 30, 60, 61, 100} {
			log.Info("progress", "source", "https://h/m", "bytes", bytes, "size", 100)
		}
		log.Info("progress", "source", "https://h/unknown", "bytes", 7)
		for range 3 {
			log.Info("waiting for the lock", "lock", "k8s:///m", "holder", "web-0")
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		log.With("step", "model").Error("step failed", "err", "no space left")
		p.Close()
		want := []string{
			"Warning NotReady web-1/u1 x1: k8s:///job/x: connection refused",
			"Warning NotReady web-1/u1 x1: k8s:///job/x: the job has not completed",
			"Normal Ready web-1/u1 x1: k8s:///job/x is ready",
			"Normal Fetching web-1/u1 x1: https://h/m: 25 %",
			"Normal Fetching web-1/u1 x1: https://h/m: 50 %",
			"Normal Fetching web-1/u1 x1: https://h/m: 100 %",
			"Normal WaitingForLock web-1/u1 x3: k8s:///m is held by web-0",
			"Warning StepFailed web-1/u1 x1: step model: no space left",
		}
		if diff := cmp.Diff(want, events(s)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if failed.Len() > 0 {
			t.Errorf("logged %s", failed)
		}
	})
}

// TestBounds posts no more than so many different Events, of no more than so many bytes.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &apiserver.Server{}
		p, _ := poster(t, s)
		log := p.Logger(slog.New(slog.DiscardHandler))
		for i := range 200 {
			log.Info("not ready", "target", "x", "err", fmt.Sprint(i, strings.Repeat("é", 1000)))
			synctest.Wait()
		}
		p.Close()
		all := events(s)
		if len(all) != 50 || len(all[0]) > 1100 || !strings.Contains(all[0], "éé") {
			t.Errorf("%d Events, the first of %d bytes", len(all), len(all[0]))
		}
	})
}

// TestNoReasonToFail has an API server that refuses, is down, or does not answer: there is one warning, and the end is
// not delayed for long.
func TestNoReasonToFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server *apiserver.Server
		most   int // requests
		want   string
	}{
		"refuses": {&apiserver.Server{Deny: func(apiserver.Request) bool { return true }}, 1, "may not create events (status 403)"},
		"is down": {&apiserver.Server{Fault: func(*http.Request) apiserver.Fault { return apiserver.Down }}, 3, "status 503"},
		"hangs":   {&apiserver.Server{Fault: func(*http.Request) apiserver.Fault { return apiserver.Hangs }}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, failed := poster(t, tt.server)
				log := p.Logger(slog.New(slog.DiscardHandler))
				start := time.Now()
				for i := range 100 {
					log.Info("not ready", "target", "x", "err", i)
				}
				p.Close()
				if took := time.Since(start); took > time.Second {
					t.Errorf("the end took %v", took)
				}
				if got := failed.String(); strings.Count(got, "events are not posted") > 1 || !strings.Contains(got, tt.want) || strings.Contains(got, "s3cret") {
					t.Errorf("logged %q, want one line with %q", got, tt.want)
				}
				if n := len(tt.server.Requests()); n > tt.most {
					t.Errorf("%d requests, want at most %d", n, tt.most)
				}
			})
		})
	}
}
