package main

import (
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
	files, env, stop := s.Start()
	e.Defer(stop)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(e.WorkDir, ".secrets", name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		e.Setenv(strings.NewReplacer("KUBERNETES_SERVICE", "KUBE").Replace(name), value)
	}
	return nil
}
