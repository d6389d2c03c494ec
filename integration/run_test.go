package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	corev1 "k8s.io/api/core/v1"
)

// TestExampleComposeRun starts an application whose image has inith and a plan in
// it, and starts it again.
func TestExampleComposeRun(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.run.yaml", "testdata/compose/hold.yaml")
	o := &origin{files: sharedDir(t)}
	sum := o.put(t, "", "model.bin", modelSize)
	p.env = append(p.env, "MODELS="+o.files, "MODEL_SHA256="+sum)
	p.compose(t, "up", "--detach", "--build")
	app := p.waitContainer(t, "app", `msg="step done" step=model kind=fetch`)
	waitLog(t, app, `msg="step done" step=check kind=validate`, `msg="step done" step=cache kind=wait`)
	if log := logOf(t.Context(), t, app); strings.Contains(log.stderr, "step=schema") || log.stdout != "" {
		t.Fatalf("it did not wait for the database: %+v", log)
	}
	p.release(t)
	waitLog(t, app, "agent: started")
	first := logOf(t.Context(), t, app)
	hasAll(t, first.stderr, "evidence=pinned", `msg="command ended" step=schema exit_code=0`, "inith: timeline: ", "inith: * warm ", "inith: critical path: database ")
	warm := fmt.Sprintf("warm: %d bytes\nagent: started\n", modelSize)
	if first.stdout != warm {
		t.Errorf("stdout %q, want %q", first.stdout, warm)
	}
	if command := mustDocker(t.Context(), t, "exec", app, "cat", "/proc/1/cmdline"); !strings.HasSuffix(command, "/app/agent.sh\x00") {
		t.Errorf("PID 1 is %q", command)
	}
	var report struct {
		ExitCode     int
		CriticalPath []string
		Steps        []struct{ Name, State string }
	}
	if err := json.Unmarshal([]byte(mustDocker(t.Context(), t, "exec", app, "cat", "/config/start-up.json")), &report); err != nil {
		t.Fatal(err)
	}
	if report.ExitCode != 0 || len(report.Steps) != 8 || report.CriticalPath[0] != "database" {
		t.Errorf("report %+v", report)
	}

	t.Log("the same container again, without the store of models")
	p.compose(t, "stop", "models")
	p.compose(t, "restart", "app")
	waitLog(t, app, `msg="up to date" step=model`, `msg="nothing pending" step=schema locked=false`)
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		if logOf(ctx, t, app).stdout != warm+warm {
			return errors.New("not started again")
		}
		return nil
	})
	p.compose(t, "stop", "app")
	r := endOf(t, app)
	if r.code != 0 {
		t.Errorf("code %d, want 0, the application's", r.code)
	}
	p.hasNoSecret(t, r.stdout+r.stderr)
}

// TestExampleRun runs the init containers of run.yaml: no servers, a wrong digest, a
// signal, then three replicas at once.
func TestExampleRun(t *testing.T) {
	t.Parallel()
	e := newExample(t, "run.yaml", "0")
	e.put(t, modelsHost, "v2.bin")
	install, startUp := e.pod.Spec.InitContainers[0], e.pod.Spec.InitContainers[1]
	if r := runContainer(t, kubelet(t, e.pod, install, e.volumes, e.tag, "--network=none")...); r.code != 0 {
		t.Fatalf("install: %+v", r)
	}
	objects := manifest(t, filepath.Join(kubernetesDir, "run.yaml"))
	secret, ok := objects[1].(*corev1.Secret)
	if !ok {
		t.Fatal("run.yaml has no Secret")
	}
	plan, err := os.ReadFile("../examples/plans/ai-agent.yaml")
	if config, ok := objects[2].(*corev1.ConfigMap); err != nil || !ok || config.Data["ai-agent.yaml"] != string(plan) {
		t.Errorf("the plan of run.yaml is not plans/ai-agent.yaml: %v", err)
	}
	replica := func(sum string, options ...string) []string {
		volumes := map[string]string{"models": newVolume(t), "config": newVolume(t)}
		for name, volume := range e.volumes {
			if volumes[name] == "" {
				volumes[name] = volume
			}
		}
		for _, name := range []string{"agent.yaml.tmpl", "migrate.sh", "warm.sh"} {
			b, err := os.ReadFile(filepath.Join(composeDir, "app", name))
			if err != nil {
				t.Fatal(err)
			}
			options = append(options, "--volume="+writeFile(t, name, string(b), 0o755)+":/app/"+name+":ro")
		}
		own := startUp.DeepCopy()
		for i, v := range own.Env {
			if v.Name == "MODEL_SHA256" {
				own.Env[i].Value = sum
			}
		}
		return kubelet(t, e.pod, *own, volumes, image("postgres"), append(e.trusted(t), options...)...)
	}
	withoutSecrets := func(text string) {
		t.Helper()
		for _, value := range []string{"an-example", secret.StringData["redis-password"]} {
			if strings.Contains(text, value) {
				t.Errorf("a password is shown:\n%s", text)
			}
		}
	}

	t.Log("a wrong digest, while other steps wait")
	message := writeFile(t, "termination-log", "", 0o666)
	r := runContainer(t, replica(strings.Repeat("0", 64), "--volume="+message+":/dev/termination-log")...)
	if r.code != 3 {
		t.Errorf("code %d, want 3", r.code)
	}
	hasAll(t, readFile(t, message), "error: step model: ", "hint: ")
	hasAll(t, r.stderr, "step=database kind=wait", "cancelled", "not started")
	withoutSecrets(r.stderr + readFile(t, message))

	t.Log("a signal, while it waits")
	name := startContainer(t, replica(modelSum)...)
	waitLog(t, name, `msg="step done" step=model`)
	mustDocker(t.Context(), t, "kill", "--signal=TERM", name)
	if r := endOf(t, name); r.code != 143 {
		t.Errorf("code %d, want 143: %s", r.code, r.stderr)
	}

	t.Log("three replicas")
	var names []string
	for range 3 {
		names = append(names, startContainer(t, replica(modelSum)...))
	}
	startOn(t, e.network, "postgres-service", "postgres", testcontainers.WithCmd("postgres", "-c", "fsync=off"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_USER": "app", "POSTGRES_PASSWORD": "an-example"}))
	startOn(t, e.network, "redis-service", "redis", testcontainers.WithCmd("redis-server", "--requirepass", secret.StringData["redis-password"]))
	migrated, skipped := 0, 0
	for _, name := range names {
		r := endOf(t, name)
		if r.code != 0 || r.stdout != fmt.Sprintf("warm: %d bytes\n", modelSize) {
			t.Errorf("got %+v, want code 0, and nothing of inith's on stdout", r)
		}
		migrated += strings.Count(r.stderr, `msg="command ended" step=schema exit_code=0`)
		skipped += strings.Count(r.stderr, `msg="nothing pending" step=schema`)
		withoutSecrets(r.stderr)
	}
	if migrated != 1 || skipped != 2 {
		t.Errorf("%d replicas migrated and %d found nothing pending, want 1 and 2", migrated, skipped)
	}
}
