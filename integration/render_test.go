package integration_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// TestExampleRender runs the init container of render.yaml as a kubelet would: the
// application reads all of its configuration, or is not started.
func TestExampleRender(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "render.yaml"))
	pod, ok := podOf(objects[0])
	secret, isSecret := objects[2].(*corev1.Secret)
	if !ok || !isSecret || len(pod.Spec.InitContainers) != 1 {
		t.Fatal("render.yaml is not a Pod with one init container, its ConfigMap and its Secret")
	}
	c, volumes := pod.Spec.InitContainers[0], volumesOf(t, pod, objects)
	message := writeFile(t, "termination-log", "", 0o666)
	options := []string{"--network=none", "--volume=" + message + ":/dev/termination-log"}
	app := func() result {
		t.Helper()
		arguments := append(options[:1:1], "--entrypoint=sh")
		script := `cat "$CONFIG_PATH" && ! touch "$CONFIG_PATH" /config/x`
		return runContainer(t, append(kubelet(t, pod, pod.Spec.Containers[0], volumes, image("busybox"), arguments...), "-c", script)...)
	}

	t.Log("without a variable")
	missing := c
	missing.Env = c.Env[1:]
	r := runContainer(t, kubelet(t, pod, missing, volumes, tag, options...)...)
	if r.code != 1 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 1 and nothing", r.code, r.stdout)
	}
	hasAll(t, readFile(t, message), "error: /config-src/app.yaml.tmpl:1:9: $API_URL is not set\n                    hint: set it, or $API_URL_FILE")
	if r := app(); r.code == 0 {
		t.Errorf("there is a configuration: %+v", r)
	}

	r = runContainer(t, kubelet(t, pod, c, volumes, tag, options...)...)
	if r.code != 0 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 0 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	hasAll(t, r.stderr, "msg=rendered path=/config/app.yaml")
	if got := readFile(t, message); got != "rendered: 1 file, 0 unchanged" {
		t.Errorf("termination message %q", got)
	}
	want := `api: "http://api-service:8080"
server:
  port: 8080
  workers: 4
log:
  format: json
  level: info
database: "postgres://app:replace%2Fme@postgres-service/app"
`
	if diff := cmp.Diff(want, app().stdout); diff != "" {
		t.Errorf("the application reads (-want +got):\n%s", diff)
	}

	t.Log("the container again")
	r = runContainer(t, kubelet(t, pod, c, volumes, tag, options...)...)
	if r.code != 0 {
		t.Errorf("code %d, want 0; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, r.stderr, "msg=unchanged path=/config/app.yaml")
	for _, value := range secret.StringData {
		if strings.Contains(r.stderr+readFile(t, message), value) {
			t.Errorf("a password is shown:\n%s", r.stderr)
		}
	}
}
