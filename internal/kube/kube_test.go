package kube_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/testing/apiserver"
	"github.com/inith/inith/internal/usererr"
)

var env = []string{"KUBERNETES_SERVICE_HOST=api", "KUBERNETES_SERVICE_PORT=443"}

// account returns the path of the token of a service account, which has other files beside it.
func account(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "token")
}

type object map[string]any

func lease(name string) kube.Object {
	return kube.Object{Resource: kube.Leases(), Namespace: "app", Name: name}
}

func body(name string) object {
	const now = "2026-01-01T00:00:00.000000Z"
	return object{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": object{"name": name},
		"spec": object{"leaseDurationSeconds": 1, "acquireTime": now, "renewTime": now},
	}
}

// TestByTLS has the client use what is in a Pod, and read the token again for each request.
func TestByTLS(t *testing.T) {
	t.Parallel()
	s := &apiserver.Server{Token: "t0ken"}
	files, env, stop := s.Start()
	defer stop()
	files["namespace"] = "app\n"
	files["token"] = "outdated"
	token := account(t, files)
	k := kube.New(kube.Config{Env: env, TokenFile: token})
	defer k.Close()
	if got, err := k.Namespace(); got != "app" || err != nil {
		t.Errorf("namespace %q, %v", got, err)
	}
	var out object
	if err := k.Get(t.Context(), lease("x"), &out); !kube.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("with another token: %v", err)
	}
	if err := os.WriteFile(token, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Get(t.Context(), lease("x"), &out); !kube.IsStatus(err, http.StatusNotFound) {
		t.Errorf("before it exists: %v", err)
	}
	var created, updated object
	if err := k.Create(t.Context(), lease("x"), body("x"), &created); err != nil {
		t.Fatal(err)
	}
	if err := k.Create(t.Context(), lease("x"), body("x"), &out); !kube.IsStatus(err, http.StatusConflict) {
		t.Errorf("created twice: %v", err)
	}
	if err := k.Update(t.Context(), lease("x"), created, &updated); err != nil {
		t.Errorf("updated: %v", err)
	}
	if err := k.Update(t.Context(), lease("x"), created, &out); !kube.IsStatus(err, http.StatusConflict) {
		t.Errorf("updated an outdated one: %v", err)
	}
	var got object
	if err := k.Get(t.Context(), lease("x"), &got); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(updated, got); diff != "" {
		t.Errorf("(-updated +got):\n%s", diff)
	}
}

// TestAuthority does not trust a server that the service account's CA has not signed for.
func TestAuthority(t *testing.T) {
	t.Parallel()
	files, env, stop := (&apiserver.Server{}).Start()
	defer stop()
	delete(files, "ca.crt")
	k := kube.New(kube.Config{Env: env, TokenFile: account(t, files)})
	if err := k.Get(t.Context(), lease("x"), &object{}); err == nil || !strings.Contains(err.Error(), "ca.crt") {
		t.Errorf("got %v, want that the CA is missing", err)
	}
}

// answer is a server that has one answer.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Location", "https://elsewhere/")
	w.WriteHeader(a.status)
	_, err := io.WriteString(w, a.body)
	resp := w.Result()
	resp.Request = r
	return resp, err
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		text      string
		permanent bool
	}{
		http.StatusUnauthorized:        {"does not accept the token (status 401)", true},
		http.StatusForbidden:           {"the Pod's service account may not update leases (status 403)", true},
		http.StatusUnprocessableEntity: {"does not accept the object (status 422)", true},
		http.StatusTooManyRequests:     {"overloaded (status 429)", false},
		http.StatusBadGateway:          {"answers with status 502", false},
		http.StatusFound:               {"answers with status 302", false}, // the token is for this server only
	} {
		k := kube.New(kube.Config{
			Env: env, TokenFile: account(t, map[string]string{"token": "t0ken"}),
			Transport: answer{status, `{"message": "s3cr3t"}`},
		})
		err := k.Update(t.Context(), lease("x"), body("x"), &object{})
		e, ok := errors.AsType[*kube.StatusError](err)
		if !ok || !strings.Contains(err.Error(), want.text) || e.Permanent() != want.permanent {
			t.Errorf("%d: %v, want %q, permanent: %t", status, err, want.text, want.permanent)
		}
		if strings.Contains(err.Error()+usererr.Hint(err), "s3cr3t") {
			t.Errorf("%d: shows the server's text: %v", status, err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	token := map[string]string{"token": "t0ken"}
	for name, test := range map[string]struct {
		config kube.Config
		want   string
	}{
		"not in a cluster": {kube.Config{TokenFile: account(t, token)}, "KUBERNETES_SERVICE_HOST or _PORT is not set"},
		"no token":         {kube.Config{Env: env, TokenFile: account(t, nil)}, "token file"},
		"no JSON":          {kube.Config{Env: env, TokenFile: account(t, token), Transport: answer{200, "s3cr3t"}}, "cut off or is invalid"},
		"no address": {kube.Config{
			Env: []string{"KUBERNETES_SERVICE_HOST=s3cr3t %", "KUBERNETES_SERVICE_PORT=443"}, TokenFile: account(t, token),
		}, "are not an address"},
	} {
		err := kube.New(test.config).Get(t.Context(), lease("x"), &object{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
