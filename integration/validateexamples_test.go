package integration_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestExampleValidate runs both init containers of validate.yaml: one command, and
// rules. Each is given what its manifest has, and what goes wrong with it.
func TestExampleValidate(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "validate.yaml"))
	for i, name := range []string{"agent", "agent-by-rules"} {
		pod, ok := podOf(objects[i])
		if !ok || pod.Name != name {
			t.Fatalf("object %d of validate.yaml is not the Pod %s", i, name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testValidate(t, tag, pod, volumesOf(t, pod, objects))
		})
	}
}

func testValidate(t *testing.T, tag string, pod *corev1.PodTemplateSpec, volumes map[string]string) {
	t.Helper()
	byRules := strings.Contains(pod.Name, "rules")
	config, secret := filepath.Join(volumes["config"], "app.yaml"), filepath.Join(volumes["secrets"], "api-key")
	right := map[string]string{config: readFile(t, config), secret: readFile(t, secret)}
	for _, tt := range []struct {
		name   string
		change map[string]string // of files; "" removes one
		want   []string          // nil if nothing is found
	}{
		{"right", nil, nil},
		// The two failures that the script with grep knows.
		{"file missing", map[string]string{secret: ""}, []string{
			"/secrets/api-key: missing: the file is missing", "check that the ConfigMap or Secret is mounted there and has this key",
		}},
		{"key missing", map[string]string{config: "moddel: sentiment-v2\nserver:\n  port: 8080\nworkers: 4\n"}, []string{
			`/config/app.yaml:1:1: required-key: model is missing (did you mean "moddel"?)`,
		}},
		// Some that it does not.
		{"syntax", map[string]string{config: "model: sentiment-v2\n port: 8080\n"}, []string{"/config/app.yaml:2:"}},
		{"commented out", map[string]string{config: "# model: sentiment-v2\nother:\n  model: sentiment-v2\n"}, []string{"model is missing"}},
		{"not rendered", map[string]string{config: "model: ${MODEL}\nserver: {port: 1}\nworkers: 1\n"}, []string{"/config/app.yaml:1:8: unrendered-template: "}},
		{"newline", map[string]string{secret: right[secret] + "\n"}, []string{"/secrets/api-key: trailing-newline: "}},
		{"all at once", map[string]string{config: "server: {port: 1}\nworkers: 1\n", secret: ""}, []string{"model is missing", "/secrets/api-key: missing"}},
	} {
		files := maps.Clone(right)
		maps.Copy(files, tt.change)
		for path, content := range files {
			if content == "" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			writeMode(t, path, content, 0o644)
		}
		message := writeFile(t, "termination-log", "", 0o666)
		r := runContainer(t, kubelet(t, pod, pod.Spec.InitContainers[0], volumes, tag, "--network=none", "--volume="+message+":/dev/termination-log")...)
		if tt.want == nil {
			if r.code != 0 || r.stdout != "" {
				t.Errorf("%s: code %d and stdout %q, want 0 and nothing; stderr:\n%s", tt.name, r.code, r.stdout, r.stderr)
			}
			hasAll(t, readFile(t, message), "validated: 2 files, ")
			continue
		}
		if r.code != 3 {
			t.Errorf("%s: code %d, want 3; stderr:\n%s", tt.name, r.code, r.stderr)
		}
		hasAll(t, r.stdout, tt.want...)
		hasAll(t, readFile(t, message), append(tt.want, " problem")...)
		for _, value := range []string{strings.TrimSpace(right[secret]), "sentiment"} {
			if strings.Contains(r.stdout+r.stderr+readFile(t, message), value) {
				t.Errorf("%s: a value is shown:\n%s", tt.name, r.stdout)
			}
		}
	}
	if byRules {
		c := *pod.Spec.InitContainers[0].DeepCopy()
		c.Env[0].Value = "postgres://localhost/app"
		r := runContainer(t, kubelet(t, pod, c, volumes, tag, "--network=none")...)
		if r.code != 3 {
			t.Errorf("code %d, want 3", r.code)
		}
		hasAll(t, r.stdout, "$"+c.Env[0].Name+": host: the host is this machine itself")
	}
}
