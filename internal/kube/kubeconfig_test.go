package kube_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/testing/apiserver"
	"github.com/inith/inith/internal/usererr"
)

// plugin is an exec plugin. It prints what its environment has, and counts its runs.
const plugin = `#!/bin/sh
case $KUBERNETES_EXEC_INFO in *'"kind":"ExecCredential"'*) ;; *) exit 1 ;; esac
echo run >>"$RUNS"
echo s3cr3t >&2
echo "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$1\"}}"
`

// outside starts a server that wants the token t0ken, and returns the directory of a kubeconfig file for it, whose
// cluster and user are YAML. {server} and {ca} stand for those of the server.
func outside(t *testing.T, cluster, user string) (dir string) {
	t.Helper()
	server := httptest.NewTLSServer(&apiserver.Server{Token: "t0ken"})
	t.Cleanup(server.Close)
	ca := pemOf(server)
	dir = filepath.Dir(account(t, map[string]string{"ca.crt": ca, "token-file": "t0ken\n"}))
	if err := os.WriteFile(filepath.Join(dir, "plugin"), []byte(plugin), 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: mine
contexts:
- {name: other, context: {cluster: nowhere, user: nobody}}
- {name: mine, context: {cluster: c, user: u, namespace: team}}
clusters:
- name: c
  cluster: {%s}
- name: c
  cluster: {server: "https://second.invalid"}
users:
- name: u
  user: {%s}
`, strings.NewReplacer("{server}", server.URL, "{ca}", base64.StdEncoding.EncodeToString([]byte(ca))).Replace(cluster), user)
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestKubeconfig(t *testing.T) {
	t.Parallel()
	const byFile, byData = `server: "{server}", certificate-authority: ca.crt`, `server: "{server}", certificate-authority-data: "{ca}"`
	for name, test := range map[string]struct{ cluster, user string }{
		"token":              {byFile, `token: t0ken`},
		"CA in the file":     {byData, `token: t0ken`},
		"token file":         {byData, `tokenFile: token-file, token: outdated`},
		"no verification":    {`server: "{server}/", insecure-skip-tls-verify: true`, `token: t0ken`},
		"name of the server": {byData + `, tls-server-name: example.com`, `token: t0ken`},
		"exec plugin":        {byData, `exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [t0ken], env: [{name: RUNS, value: /dev/null}], interactiveMode: Never}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := outside(t, test.cluster, test.user)
			env := []string{"KUBECONFIG=" + dir + "/missing:" + dir + "/config", "PATH=" + os.Getenv("PATH")}
			k := kube.New(kube.Config{Env: env})
			defer k.Close()
			if namespace, err := k.Namespace(); namespace != "team" || err != nil {
				t.Errorf("namespace %q, %v", namespace, err)
			}
			if err := k.Get(t.Context(), lease("x"), &object{}); !kube.IsStatus(err, http.StatusNotFound) {
				t.Errorf("got %v, want that there is no such object", err)
			}
		})
	}
}

// TestExecPluginIsAskedOnce uses what a plugin has printed until that expires.
func TestExecPluginIsAskedOnce(t *testing.T) {
	t.Parallel()
	dir := outside(t, `server: "{server}", certificate-authority: ca.crt`,
		`exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin, args: [t0ken]}`)
	runs := filepath.Join(dir, "runs")
	k := kube.New(kube.Config{Env: []string{"KUBECONFIG=" + dir + "/config", "RUNS=" + runs, "PATH=" + os.Getenv("PATH")}})
	for range 3 {
		if err := k.Get(t.Context(), lease("x"), &object{}); !kube.IsStatus(err, http.StatusNotFound) {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(runs); string(b) != "run\n" {
		t.Errorf("it was run %q, %v, want once", b, err)
	}
}

// TestClientCertificate shows a certificate that the kubeconfig file has in it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	cert, key := keyPair(t)
	startAsking(server)
	t.Cleanup(server.Close)
	encode := base64.StdEncoding.EncodeToString
	for user, want := range map[string]bool{
		"{}": false, "{client-certificate-data: " + encode(cert) + ", client-key-data: " + encode(key) + "}": true,
	} {
		dir := filepath.Dir(account(t, map[string]string{"config": `{current-context: m, contexts: [{name: m, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {server: "` + server.URL + `", certificate-authority-data: "` + encode([]byte(pemOf(server))) + `"}}],
users: [{name: u, user: ` + user + `}]}`}))
		err := kube.New(kube.Config{Env: []string{"KUBECONFIG=" + dir + "/config"}}).Get(t.Context(), lease("x"), &object{})
		if (err == nil) != want {
			t.Errorf("%.30s: %v", user, err)
		}
	}
}

// TestImpersonation acts as another user, as kubectl does.
func TestImpersonation(t *testing.T) {
	t.Parallel()
	var got http.Header
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.WriteHeader(http.StatusForbidden)
	}))
	dir := filepath.Dir(account(t, map[string]string{"config": `{current-context: m, contexts: [{name: m, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {server: "` + server.URL + `", insecure-skip-tls-verify: true}}],
users: [{name: u, user: {token: t0ken, as: alice, as-uid: "7", as-groups: [team, devs]}}]}`}))
	err := kube.New(kube.Config{Env: []string{"KUBECONFIG=" + dir + "/config"}}).Get(t.Context(), lease("x"), &object{})
	server.Close()
	if want := "the user of the kubeconfig file may not get leases (status 403)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	for name, want := range map[string]string{"Authorization": "Bearer t0ken", "Impersonate-User": "alice", "Impersonate-Uid": "7", "Impersonate-Group": "team,devs"} {
		if value := strings.Join(got.Values(name), ","); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

func TestKubeconfigRefused(t *testing.T) {
	t.Parallel()
	const cluster = `server: "{server}", certificate-authority: ca.crt`
	for want, test := range map[string]struct{ cluster, user string }{
		"cannot be read":                    {cluster, "token: s3cr3t: ["},
		"has no server":                     {"tls-server-name: s3cr3t", "token: s3cr3t"},
		"a server that is not an https URL": {`server: "http://u:s3cr3t@h"`, "token: s3cr3t"},
		"has a proxy-url":                   {cluster + `, proxy-url: "http://u:s3cr3t@h"`, ""},
		"has as-user-extra":                 {cluster, "as: s3cr3t, as-user-extra: {scopes: [s3cr3t]}"},
		"as-groups without as":              {cluster, "as-groups: [s3cr3t]"},
		"a line break in as":                {cluster, `as: x, as-groups: ["s3cr3t\nX: y"]`},
		"a token with a line break":         {cluster, `token: "s3cr3t\ns3cr3t"`},
		"an apiVersion":                     {cluster, "exec: {apiVersion: s3cr3t, command: x}"},
		"has an exec plugin that does not exist here: missing":     {cluster, "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./missing, args: [s3cr3t]}"},
		"plugin sh of the kubeconfig file failed with exit code 3": {cluster, "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'echo s3cr3t >&2; exit 3']}"},
		"an exec plugin that cannot be executed: config":           {cluster, "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./config}"},
		"has a username":                                                       {cluster, "username: s3cr3t, password: s3cr3t"},
		"has an auth-provider":                                                 {cluster, "auth-provider: {name: s3cr3t}"},
		"printed no credentials":                                               {cluster, `exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, env: [{name: RUNS, value: /dev/null}], args: ['s3cr3t"']}`},
		"certificate-authority-data without a certificate":                     {`server: "{server}", certificate-authority-data: s3cr3t`, "token: s3cr3t"},
		"client-certificate-data or client-key-data that is not base64":        {cluster, `client-certificate-data: "s3cr3t!", client-key-data: x`},
		"a client certificate and a key that do not belong together":           {cluster, `client-certificate-data: czNjcjN0, client-key-data: czNjcjN0`},
		"the certificate is signed by an unknown authority":                    {`server: "{server}"`, "token: s3cr3t"},
		"the API server does not accept the user of the kubeconfig file (s":    {cluster, "token: s3cr3t"},
		`s3cr3t.pem" does not exist yet`:                                       {`server: "{server}", certificate-authority: s3cr3t.pem`, ""},
		"KUBERNETES_SERVICE_HOST or _PORT is not set, and there is no kubecon": {"", ""},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			env := []string{"HOME=" + t.TempDir()}
			if test.cluster != "" {
				env = []string{"KUBECONFIG=" + outside(t, test.cluster, test.user) + "/config"}
			}
			err := kube.New(kube.Config{Env: env}).Get(t.Context(), lease("x"), &object{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %q", err, want)
			}
			if hint := usererr.Hint(err); strings.Contains(hint, "-file") || strings.Contains(hint, "--tls") {
				t.Errorf("names an option that does not apply: %s", usererr.Hint(err))
			}
			if shown := err.Error() + usererr.Hint(err); strings.Contains(strings.ReplaceAll(shown, "s3cr3t.pem", ""), "s3cr3t") {
				t.Errorf("shows a secret: %s", shown)
			}
		})
	}
}
