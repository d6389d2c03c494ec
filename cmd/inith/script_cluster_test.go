package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inith/inith/internal/testing/apiserver"
)

// startCluster starts a fake API server whose token is the canary. A script that wants to be in its cluster sets
// KUBERNETES_SERVICE_HOST and _PORT to $KUBE_HOST and $KUBE_PORT, and token-file to $SECRETS/token.
func startCluster(e *testscript.Env) error {
	s := &apiserver.Server{Token: canary, Deny: func(r apiserver.Request) bool { return r.Namespace == "forbidden" }}
	condition := func(kind, reason string) apiserver.Object {
		return apiserver.Object{"status": apiserver.Object{"conditions": []any{apiserver.Object{"type": kind, "status": "True", "reason": reason, "message": canary}}}}
	}
	s.Put("batch/v1/jobs/app/complete", condition("Complete", "CompletionsReached"))
	s.Put("batch/v1/jobs/app/failed", condition("Failed", "BackoffLimitExceeded"))
	s.Put("/v1/secrets/app/db", apiserver.Object{"data": apiserver.Object{"password": canary}})
	waiting := func(reason string) []any {
		return []any{apiserver.Object{"name": "app", "state": apiserver.Object{"waiting": apiserver.Object{"reason": reason}}}}
	}
	s.Put("/v1/pods/app/web-0", apiserver.Object{
		"spec":   apiserver.Object{"containers": []any{apiserver.Object{"name": "app", "image": "app:v1"}}},
		"status": apiserver.Object{"phase": "Pending", "containerStatuses": waiting("ContainerCreating")},
	})
	about := func(pod, message string) apiserver.Object {
		return apiserver.Object{"reason": "FailedMount", "message": message, "involvedObject": apiserver.Object{"name": pod, "namespace": "app"}}
	}
	s.Put("/v1/events/app/web-0.1", about("web-0", "MountVolume.SetUp failed for volume config"))
	s.Put("/v1/events/app/web-1.1", about("web-1", "of another Pod"))
	files, env, stop := s.Start()
	e.Defer(stop)
	e.Defer(func() { searchEvents(s) })
	files["kubeconfig"] = fmt.Sprintf(`{"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "app"}}],
"clusters": [{"name": "c", "cluster": {"server": "https://%s:%s", "certificate-authority": "ca.crt"}}], "users": [{"name": "u", "user": {"token": %q}}]}`,
		valueOf(env, "HOST"), valueOf(env, "PORT"), canary)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(e.WorkDir, ".secrets", name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	e.Setenv("KUBE_HOST", valueOf(env, "HOST"))
	e.Setenv("KUBE_PORT", valueOf(env, "PORT"))
	return nil
}

// valueOf returns the value of KUBERNETES_SERVICE_HOST or _PORT.
func valueOf(env []string, name string) string {
	for _, pair := range env {
		if value, found := strings.CutPrefix(pair, "KUBERNETES_SERVICE_"+name+"="); found {
			return value
		}
	}
	return ""
}

// searchEvents looks for the canary in the Events that a script leaves.
func searchEvents(s *apiserver.Server) {
	for _, e := range s.Find("/v1/events/") {
		if text := fmt.Sprint(e); findCanary(text) != "" {
			panic("a secret is in an Event: " + text) // Env has no way to fail
		}
	}
}
