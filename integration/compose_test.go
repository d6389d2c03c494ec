package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const composeDir = "../examples/compose"

// TestExampleComposeEntrypoint starts an application whose image has inith in it,
// while Postgres is held in its setup.
func TestExampleComposeEntrypoint(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.yaml", "testdata/compose/hold.yaml")
	p.compose(t, "up", "--detach", "--build")
	app := p.waitContainer(t, "app", "msg=ready target=redis://redis:6379/0 readiness=auth")
	p.waitContainer(t, "postgres", "listening on Unix socket") // the server of the setup

	t.Log("the same application without inith")
	out, err := p.command(t.Context(), "run", "--rm", "-T", "--entrypoint=sh", "app", "/app/run.sh").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("no postgres:5432")) {
		t.Errorf("%v, want exit code 1: the application could have started\n%s", err, out)
	}
	if log := logOf(t.Context(), t, app); strings.Contains(log.stdout, "app: started") || strings.Contains(log.stderr, "msg=ready target=postgres") {
		t.Fatalf("the application was started too early:\n%+v", log)
	}

	p.release(t)
	waitLog(t, app, "app: started", "msg=ready target=postgres://postgres:5432/app readiness=auth")
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		if health := strings.TrimSpace(mustDocker(ctx, t, "inspect", "--format={{.State.Health.Status}}", app)); health != "healthy" {
			return errors.New("the application is " + health)
		}
		return nil
	})
	sent := time.Now()
	p.compose(t, "stop", "--timeout=60", "app")
	r := endOf(t, app)
	if r.code != 143 || finished(t, app).Sub(sent) > 30*time.Second {
		t.Errorf("code %d, want 143, as the application has after SIGTERM", r.code)
	}
	if r.stdout != "app: started\n" {
		t.Errorf("stdout %q has more than what the application wrote", r.stdout)
	}
	p.hasNoSecret(t, r.stderr)
	for _, service := range []string{"app", "postgres", "redis"} {
		p.hasNoSecret(t, mustDocker(t.Context(), t, "inspect", "--format={{json .Config}}{{json .Args}}", p.container(t.Context(), t, service)))
	}
}

// TestExampleComposeInit waits in a service of its own.
func TestExampleComposeInit(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.init.yaml", "testdata/compose/hold.yaml")
	up := p.background(t, "up", "--detach")
	p.waitContainer(t, "init", "msg=ready target=redis://redis:6379/0 readiness=auth")
	p.waitContainer(t, "postgres", "listening on Unix socket")
	if out, err := p.command(t.Context(), "run", "--rm", "-T", "--no-deps", "app").CombinedOutput(); err == nil {
		t.Errorf("the application could have started:\n%s", out)
	}
	if app := p.container(t.Context(), t, "app"); app != "" {
		if state := strings.TrimSpace(mustDocker(t.Context(), t, "inspect", "--format={{.State.Status}}", app)); state != "created" {
			t.Errorf("the application is %s already", state)
		}
	}
	p.release(t)
	if err := up(); err != nil {
		t.Fatal(err)
	}
	init, app := endOf(t, p.container(t.Context(), t, "init")), endOf(t, p.container(t.Context(), t, "app"))
	if init.code != 0 || init.stdout != "" {
		t.Errorf("init: %+v, want code 0 and nothing on stdout", init)
	}
	if app.code != 0 || !strings.Contains(app.stdout, "42") {
		t.Errorf("app: %+v, want code 0 and its answer", app)
	}
	p.hasNoSecret(t, init.stderr)
}

// TestExampleComposeInitFails gives inith another password than the server has.
func TestExampleComposeInitFails(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.init.yaml", "testdata/compose/hold.yaml", "testdata/compose/impatient.yaml")
	p.release(t)
	p.compose(t, "up", "--detach", "postgres")
	p.waitContainer(t, "postgres", "ready for start up.")
	p.secret(t, "db_password", "an0ther\n")
	if err := p.background(t, "up", "--detach")(); err == nil {
		t.Error("compose up succeeded without the service init")
	}
	init := endOf(t, p.container(t.Context(), t, "init"))
	if init.code != 124 {
		t.Errorf("code %d, want 124", init.code)
	}
	hasAll(t, init.stderr, "postgres://postgres:5432/app is not ready: ", "refused")
	if app := p.container(t.Context(), t, "app"); app != "" && mustDocker(t.Context(), t, "inspect", "--format={{.State.Status}}", app) != "created\n" {
		t.Error("the application was started")
	}
	p.hasNoSecret(t, init.stderr)
}

// A project is a compose project of one test.
type project struct {
	name    string
	files   []string
	env     []string
	secrets string // folder
	gate    string // folder: Postgres sets itself up until it holds a file "go"
}

func newProject(t *testing.T, files ...string) *project {
	t.Helper()
	testdata, err := filepath.Abs("testdata/compose")
	if err != nil {
		t.Fatal(err)
	}
	p := &project{name: newName(), secrets: sharedDir(t), gate: sharedDir(t)}
	for _, name := range append([]string{path.Join(composeDir, files[0])}, files[1:]...) {
		p.files = append(p.files, "--file="+name)
	}
	p.env = append(os.Environ(),
		"TEST_IMAGE_INITH="+buildInith(t), "SECRETS="+p.secrets, "GATE="+p.gate, "TESTDATA="+testdata,
		"TEST_IMAGE_BUSYBOX="+image("busybox"), "TEST_IMAGE_POSTGRES="+image("postgres"), "TEST_IMAGE_REDIS="+image("redis"),
		"TEST_IMAGE_NGINX="+image("nginx"))
	const db = "d8e8fca2dc0f896f"
	for name, content := range map[string]string{
		"db_password": db + "\n", "redis_password": "7cb4ae0bd1d1a0b9\n", "database_url": "postgres://app:" + db + "@postgres:5432/app\n",
	} {
		p.secret(t, name, content)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if out, err := p.command(ctx, "down", "--volumes", "--rmi=local", "--timeout=0").CombinedOutput(); err != nil {
			t.Errorf("compose down: %v\n%s", err, out)
		}
	})
	return p
}

func (p *project) secret(t *testing.T, name, content string) {
	t.Helper()
	writeMode(t, filepath.Join(p.secrets, name), content, 0o644)
}

// release lets Postgres end its setup.
func (p *project) release(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// command is docker compose, or docker-compose where that is what there is.
func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := []string{"docker-compose"}
	if exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil {
		argv = []string{"docker", "compose"}
	}
	argv = slices.Concat(argv, []string{"--project-name=" + p.name}, p.files, args)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = p.env
	return cmd
}

func (p *project) compose(t *testing.T, args ...string) {
	t.Helper()
	if out, err := p.command(t.Context(), args...).CombinedOutput(); err != nil {
		t.Fatalf("compose %s: %v\n%s", args[0], err, out)
	}
}

// background starts a compose command. wait returns how it ended.
func (p *project) background(t *testing.T, args ...string) (wait func() error) {
	t.Helper()
	var out bytes.Buffer
	cmd := p.command(t.Context(), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { // before compose down
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
		}
	})
	return func() error {
		if err := <-ended; err != nil {
			return fmt.Errorf("compose %s: %w\n%s", args[0], err, out.String())
		}
		return nil
	}
}

// container returns the name of a service's container, or "" if there is none.
func (p *project) container(ctx context.Context, t *testing.T, service string) string {
	t.Helper()
	return strings.TrimSpace(mustDocker(ctx, t, "ps", "--all", "--quiet",
		"--filter=label=com.docker.compose.project="+p.name, "--filter=label=com.docker.compose.service="+service,
		"--filter=label=com.docker.compose.oneoff=False"))
}

// waitContainer waits until a service's container says text.
func (p *project) waitContainer(t *testing.T, service, text string) string {
	t.Helper()
	poll(t, 2*time.Minute, func(ctx context.Context) error {
		if p.container(ctx, t, service) == "" {
			return errors.New("no container of " + service)
		}
		return nil
	})
	name := p.container(t.Context(), t, service)
	waitLog(t, name, text)
	return name
}

func (p *project) hasNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, name := range []string{"db_password", "redis_password"} {
		b, err := os.ReadFile(filepath.Join(p.secrets, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, strings.TrimSpace(string(b))) {
			t.Errorf("the secret %s is shown:\n%s", name, text)
		}
	}
}
