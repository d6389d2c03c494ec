package integration_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const (
	composeDir    = "../examples/compose"
	kubernetesDir = "../examples/kubernetes"
)

// TestExampleManifests holds every manifest to what the API server accepts in a
// namespace with Pod Security at restricted.
func TestExampleManifests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(kubernetesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			pods := 0
			for _, o := range manifest(t, name) {
				pod, ok := podOf(o)
				if !ok {
					continue
				}
				pods++
				if reasons := forbidden(t, pod); reasons != "" {
					t.Errorf("level restricted forbids it: %s", reasons)
				}
				for _, c := range pod.Spec.InitContainers {
					if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
						t.Errorf("init container %s lacks a memory limit or a CPU request", c.Name)
					}
					if c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError {
						t.Errorf("init container %s: terminationMessagePolicy is %q", c.Name, c.TerminationMessagePolicy)
					}
				}
			}
			if pods == 0 {
				t.Error("no pod in it")
			}
		})
	}
}

// TestManifestChecks shows that the checks above see what they are there for.
func TestManifestChecks(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join(kubernetesDir, "wait.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"unknown field": {"automountServiceAccountToken:", "automountServiceAccountTokens:"},
		"letter case":   {"automountServiceAccountToken:", "automountserviceaccounttoken:"},
		"unknown kind":  {"kind: Pod", "kind: Pods"},
		"twice":         {"  runAsNonRoot: true", "  runAsNonRoot: true\n    runAsNonRoot: true"},
		"type":          {"runAsNonRoot: true", `runAsNonRoot: "true"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := decode(edited(t, good, edit)); err == nil {
				t.Error("decoded without an error")
			}
		})
	}
	for name, edit := range map[string][2]string{
		"root":            {"runAsNonRoot: true", "runAsNonRoot: false"},
		"capabilities":    {`drop: ["ALL"]`, `drop: ["NET_RAW"]`},
		"privilege":       {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"},
		"seccomp profile": {"type: RuntimeDefault", "type: Unconfined"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := decode(edited(t, good, edit))
			if err != nil {
				t.Fatal(err)
			}
			if pod, ok := podOf(objects[0]); !ok || forbidden(t, pod) == "" {
				t.Error("level restricted allows it")
			}
		})
	}
}

func edited(t *testing.T, good []byte, edit [2]string) []byte {
	t.Helper()
	if !bytes.Contains(good, []byte(edit[0])) {
		t.Fatalf("no %q in the manifest", edit[0])
	}
	return bytes.Replace(good, []byte(edit[0]), []byte(edit[1]), 1)
}

func manifest(t *testing.T, name string) []runtime.Object {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return objects
}

// decode reads all documents as the API server does with strict field validation: a
// field that is unknown, that comes twice or that is written in another letter case is an error.
func decode(manifest []byte) ([]runtime.Object, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme), batchv1.AddToScheme(scheme))
	if err != nil {
		return nil, err
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var objects []runtime.Object
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		o, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
}

// podOf returns the pod that an object is or makes.
func podOf(o runtime.Object) (*corev1.PodTemplateSpec, bool) {
	switch o := o.(type) {
	case *corev1.Pod:
		return &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}, true
	case *appsv1.Deployment:
		return &o.Spec.Template, true
	case *appsv1.StatefulSet:
		return &o.Spec.Template, true
	case *batchv1.Job:
		return &o.Spec.Template, true
	default:
		return nil, false
	}
}

// forbidden tells why the level restricted forbids a pod; "" if it does not.
func forbidden(t *testing.T, pod *corev1.PodTemplateSpec) string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	verdict := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	return verdict.ForbiddenDetail()
}

// TestExampleWait runs the init container of wait.yaml as a kubelet would, against
// real servers with the names of the Services.
func TestExampleWait(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "wait.yaml"))
	pod, ok := podOf(objects[0])
	secret, isSecret := objects[1].(*corev1.Secret)
	if !ok || !isSecret || len(pod.Spec.InitContainers) != 1 {
		t.Fatal("wait.yaml is not a Pod with one init container, and its Secret")
	}
	c := pod.Spec.InitContainers[0]
	message := writeFile(t, "termination-log", "", 0o666)
	network := newNetwork(t)
	options := []string{"--network=" + network.Name, "--volume=" + message + ":/dev/termination-log"}

	t.Log("without servers, and with less patience")
	r := runContainer(t, kubelet(t, pod, c, secret, tag, append(options, "--env=INITH_WAIT_TIMEOUT=1s")...)...)
	b, err := os.ReadFile(message)
	if err != nil || r.code != 124 {
		t.Errorf("code %d, want 124; %v", r.code, err)
	}
	hasAll(t, string(b), "error: postgres://postgres-service:5432/app is not ready: ", "error: redis://redis-service:6379 is not ready: ")

	name := startContainer(t, kubelet(t, pod, c, secret, tag, options...)...)
	waitLog(t, name, "not ready")
	startOn(t, network, "postgres-service", "postgres", testcontainers.WithCmd("postgres", "-c", "fsync=off"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_USER": "app", "POSTGRES_PASSWORD": secret.StringData["postgres-password"]}))
	startOn(t, network, "redis-service", "redis",
		testcontainers.WithCmd("redis-server", "--requirepass", secret.StringData["redis-password"]))
	r = endOf(t, name)
	if r.code != 0 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 0 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	hasAll(t, r.stderr, "msg=ready target=postgres://postgres-service:5432/app level=auth", "msg=ready target=redis://redis-service:6379 level=auth")
	if b, err := os.ReadFile(message); err != nil || !strings.HasPrefix(string(b), "ready: 2 of 2 targets") {
		t.Errorf("termination message %q, %v", b, err)
	}
	for _, value := range secret.StringData {
		if strings.Contains(r.stderr+string(b), value) {
			t.Errorf("a password is shown:\n%s%s", r.stderr, b)
		}
	}
}

// kubelet returns the arguments of docker run that do what a kubelet does for the
// container. What it does not know how to do fails the test.
func kubelet(t *testing.T, pod *corev1.PodTemplateSpec, c corev1.Container, secret *corev1.Secret, image string, options ...string) []string {
	t.Helper()
	s := c.SecurityContext
	unlimited := c.Resources.Limits.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero()
	if s == nil || c.WorkingDir != "" || len(c.EnvFrom)+len(c.VolumeDevices) > 0 || unlimited || strings.Contains(fmt.Sprint(c.Args, c.Command, c.Env), "$(") {
		t.Fatalf("container %s has something that this test does not do", c.Name)
	}
	args := slices.Clone(options)
	add := func(set bool, flag string) {
		if set {
			args = append(args, flag)
		}
	}
	isTrue := func(b *bool) bool { return b != nil && *b }
	add(isTrue(s.ReadOnlyRootFilesystem), "--read-only")
	add(s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation, "--security-opt=no-new-privileges")
	for _, name := range s.Capabilities.Drop {
		add(true, "--cap-drop="+string(name))
	}
	for _, name := range s.Capabilities.Add {
		add(true, "--cap-add="+string(name))
	}
	if user := s.RunAsUser; user != nil {
		add(true, fmt.Sprintf("--user=%d", *user))
	} else if user := pod.Spec.SecurityContext.RunAsUser; user != nil {
		add(true, fmt.Sprintf("--user=%d", *user))
	}
	// Seccomp's RuntimeDefault is Docker's own default.
	memory := c.Resources.Limits.Memory().Value()
	add(true, fmt.Sprintf("--memory=%d", memory))
	add(true, fmt.Sprintf("--memory-swap=%d", memory)) // a kubelet gives no swap
	add(true, fmt.Sprintf("--cpus=%.3f", c.Resources.Limits.Cpu().AsApproximateFloat64()))
	for _, e := range c.Env {
		if e.ValueFrom != nil {
			t.Fatalf("variable %s: this test knows values only", e.Name)
		}
		add(true, "--env="+e.Name+"="+e.Value)
	}
	for _, m := range c.VolumeMounts {
		args = append(args, "--volume="+secretVolume(t, pod, m, secret)+":"+m.MountPath+map[bool]string{true: ":ro"}[m.ReadOnly])
	}
	command := c.Args
	if len(c.Command) > 0 {
		add(true, "--entrypoint="+c.Command[0])
		command = slices.Concat(c.Command[1:], c.Args)
	}
	return slices.Concat(args, []string{image}, command)
}

// secretVolume is a folder with the Secret's files, as root's and with the mode
// that a kubelet gives them by default.
func secretVolume(t *testing.T, pod *corev1.PodTemplateSpec, m corev1.VolumeMount, secret *corev1.Secret) string {
	t.Helper()
	i := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
	if i < 0 || m.SubPath != "" {
		t.Fatalf("no volume %s, or a part of it", m.Name)
	}
	v := pod.Spec.Volumes[i].Secret
	if v == nil || v.SecretName != secret.Name || len(v.Items) > 0 || v.DefaultMode != nil {
		t.Fatalf("volume %s is not the whole Secret %s", m.Name, secret.Name)
	}
	dir := sharedDir(t)
	for name, value := range secret.StringData {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(file, []byte(value), 0o644), os.Chmod(file, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
		"TEST_IMAGE_BUSYBOX="+shellImage(), "TEST_IMAGE_POSTGRES="+image("postgres"), "TEST_IMAGE_REDIS="+image("redis"))
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
	file := filepath.Join(p.secrets, name)
	if err := errors.Join(os.WriteFile(file, []byte(content), 0o644), os.Chmod(file, 0o644)); err != nil {
		t.Fatal(err)
	}
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

// TestExampleComposeEntrypoint starts an application whose image has inith in it,
// while Postgres is held in its setup.
func TestExampleComposeEntrypoint(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.yaml", "testdata/compose/hold.yaml")
	p.compose(t, "up", "--detach", "--build")
	app := p.waitContainer(t, "app", "msg=ready target=redis://redis:6379/0 level=auth")
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
	waitLog(t, app, "app: started", "msg=ready target=postgres://postgres:5432/app level=auth")
	poll(t, time.Minute, func(ctx context.Context) error {
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
	p.waitContainer(t, "init", "msg=ready target=redis://redis:6379/0 level=auth")
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
