package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// TestImage builds the image from the repository's Dockerfile, on scratch unless
// TEST_IMAGE_BASE names another base, and runs it as strictly as a cluster can.
func TestImage(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	t.Run("describes itself", builtImage(tag).testConfig)
	t.Run("holds only the binary", builtImage(tag).testSize)
	t.Run("context", testImageContext)
	t.Run("strictness", testStrictness)
	t.Run("version", func(t *testing.T) {
		t.Parallel()
		r := runContainer(t, append(strict(), "--network=none", tag, "version")...)
		if r.code != 0 || !strings.HasPrefix(r.stdout, "inith ") || r.stderr != "" {
			t.Errorf("got %+v, want code 0 and the version", r)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		r := runContainer(t, append(strict(), "--network=none", tag, "wait", "--timeout=1s", "tcp://127.0.0.1:1")...)
		if r.code != 124 || r.stdout != "" {
			t.Errorf("code %d and stdout %q, want 124 and nothing", r.code, r.stdout)
		}
		hasAll(t, r.stderr, "inith: error: tcp://127.0.0.1:1", "--timeout of 1s", "connection refused")
	})
	t.Run("real servers", builtImage(tag).testServers)
}

// A builtImage is the tag of an image with inith.
type builtImage string

func (tag builtImage) testConfig(t *testing.T) {
	t.Parallel()
	var got []struct {
		Config struct {
			User                  string
			Entrypoint, Cmd       []string
			Labels                map[string]string
			ExposedPorts, Volumes map[string]any
		}
	}
	if err := json.Unmarshal([]byte(mustDocker(t.Context(), t, "image", "inspect", string(tag))), &got); err != nil {
		t.Fatal(err)
	}
	const prefix = "org.opencontainers.image."
	labels := map[string]string{}
	for key, value := range got[0].Config.Labels {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			labels[name] = value
		}
	}
	if labels["description"] == "" {
		t.Error("no description")
	}
	maps.DeleteFunc(labels, func(name, _ string) bool { return name == "description" || !strings.Contains(ownLabels, name) })
	want := map[string]string{
		"title": "inith", "licenses": "Apache-2.0", "source": "https://github.com/inith/inith",
		"version": "v1.2.3-test", "revision": "0123abc",
	}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	config := got[0].Config
	if config.User != "65532:65532" || len(config.Cmd)+len(config.ExposedPorts)+len(config.Volumes) > 0 {
		t.Errorf("got %+v, want user 65532:65532 and no command, port or volume", config)
	}
	if diff := cmp.Diff([]string{"/inith"}, config.Entrypoint); diff != "" {
		t.Errorf("entry point (-want +got):\n%s", diff)
	}
}

// ownLabels are those that the Dockerfile sets; a base may have others.
const ownLabels = "title description licenses source version revision"

func (tag builtImage) testSize(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	added := imageSize(t, string(tag))
	if base := imageBase(); base != "scratch" {
		added -= imageSize(t, base)
	}
	if added != info.Size() {
		t.Errorf("the image adds %d bytes to its base, the binary has %d", added, info.Size())
	}
}

func imageSize(t *testing.T, tag string) int64 {
	t.Helper()
	var size int64
	if _, err := fmt.Sscan(mustDocker(t.Context(), t, "image", "inspect", "--format={{.Size}}", tag), &size); err != nil {
		t.Fatal(err)
	}
	return size
}

// testImageContext lets a Dockerfile take all that the engine gets to see.
func testImageContext(t *testing.T) {
	t.Parallel()
	dir := buildContext(t)
	for _, name := range []string{".git/config", "secrets/password", "bin/inith.old"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ignore := filepath.Join(dir, ".dockerignore")
	all := "FROM scratch\nCOPY . /\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	// The Dockerfile itself is sent always; it is not part of the context that can be copied.
	if got := imageSize(t, buildImage(t, dir)); got != info.Size() {
		t.Errorf("the context has %d bytes, want %d: the binary alone", got, info.Size())
	}
	if err := os.Remove(ignore); err != nil {
		t.Fatal(err)
	}
	if got := imageSize(t, buildImage(t, dir)); got <= info.Size() {
		t.Errorf("the context has %d bytes without .dockerignore: this test cannot tell the difference", got)
	}
}

// testStrictness shows that what strict asks for is what the kernel enforces.
func testStrictness(t *testing.T) {
	t.Parallel()
	image := shellImage()
	const script = `id -u; id -g; echo "home=$HOME"; grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status; touch /tmp/x 2>&1`
	r := runContainer(t, append(strict(), "--entrypoint=sh", image, "-c", script)...)
	hasAll(t, r.stdout, "1234\n0\nhome=/\n", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Read-only file system")
	r = runContainer(t, append(strict(), "--entrypoint=sh", image, "-c", "head -c 64000000 /dev/zero | tail -n 1 | wc -c")...)
	if strings.TrimSpace(r.stdout) == "64000000" {
		t.Error("64 MB fit into the memory limit of 32 MiB")
	}
}

// testServers waits for real servers, over a network and with their names,
// within 32 MiB.
func (tag builtImage) testServers(t *testing.T) {
	t.Parallel()
	network := newNetwork(t)
	waitFor := append(strict(), "--network="+network.Name,
		mountFile(t, "/password", password), mountFile(t, "/ca.pem", certificate(t).cert), string(tag), "wait")
	name := startContainer(t, append(waitFor, "--timeout=2m",
		"postgres://postgres@postgres/app#password-file=/password",
		"redis://redis#password-file=/password",
		// The certificate is for that address.
		"https://app@web/#ca-file=/ca.pem&password-file=/password&tls-server-name=127.0.0.1")...)
	waitLog(t, name, "not ready") // it was there before the servers were

	startOn(t, network, "postgres", "postgres", testcontainers.WithCmd("postgres", "-c", "fsync=off"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": password, "POSTGRES_DB": "app"}))
	startOn(t, network, "redis", "redis", testcontainers.WithCmd("redis-server", "--requirepass", password, "--save", ""))
	const tls = "ssl_certificate /tls.crt; ssl_certificate_key /tls.key;"
	startOn(t, network, "web", "nginx", up(), withCertificate(t),
		file("/etc/nginx/nginx.conf", fmt.Sprintf(nginxConfig, "443 ssl", tls)),
		file("/etc/nginx/users", "app:{PLAIN}"+password+"\n"))

	r := endOf(t, name)
	if r.code != 0 || r.stdout != "" {
		t.Fatalf("code %d and stdout %q, want 0 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	if ready := strings.Count(r.stderr, "msg=ready"); ready != 3 {
		t.Errorf("%d targets are logged as ready, want 3:\n%s", ready, r.stderr)
	}
	hasNoSecret(t, r.stderr)

	// Without --ca-file, and without a bundle in the image, what nobody vouches for stays refused.
	r = runContainer(t, append(waitFor, "--once", "https://web/#tls-server-name=127.0.0.1")...)
	if r.code != 1 {
		t.Errorf("code %d for a certificate that nobody vouches for, want 1", r.code)
	}
	hasAll(t, r.stderr, "unknown authority")
}

// strict are the restrictions under which `inith wait` has to work: those of Pod
// Security's level restricted, a user without a passwd entry (the engine makes
// its home /), nowhere to write, and little memory.
func strict() []string {
	return []string{
		"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1234",
		"--memory=32m", "--memory-swap=32m", "--pids-limit=50",
	}
}

func imageBase() string {
	if base := os.Getenv("TEST_IMAGE_BASE"); base != "" {
		return base
	}
	return "scratch"
}

// shellImage is an image with a shell.
func shellImage() string {
	if name := os.Getenv("TEST_IMAGE_BUSYBOX"); name != "" {
		return name
	}
	return "busybox:1.36"
}

// buildInith builds inith's image and returns its tag.
func buildInith(t *testing.T) string {
	t.Helper()
	return buildImage(t, buildContext(t), "--build-arg=BASE="+imageBase(),
		"--build-arg=VERSION=v1.2.3-test", "--build-arg=REVISION=0123abc")
}

// buildContext is a copy of what of the repository matters to docker build.
func buildContext(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"../Dockerfile": "Dockerfile", "../.dockerignore": ".dockerignore", binary: "bin/inith"} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), content, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// buildImage builds dir and returns a tag that is of this test alone.
func buildImage(t *testing.T, dir string, args ...string) string {
	t.Helper()
	tag := newName()
	mustDocker(t.Context(), t, append([]string{"build", "--tag=" + tag, dir}, args...)...)
	t.Cleanup(func() { cleanup(t, "image", "rm", tag) })
	return tag
}

func newNetwork(t *testing.T) *testcontainers.DockerNetwork {
	t.Helper()
	network, err := tcnetwork.New(t.Context())
	testcontainers.CleanupNetwork(t, network)
	if err != nil {
		t.Fatalf("make a network: %v", err)
	}
	return network
}

// startOn starts a server with a name on a network, and does not wait for it.
func startOn(t *testing.T, network *testcontainers.DockerNetwork, alias, name string, opts ...testcontainers.ContainerCustomizer) {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), image(name), append(opts, tcnetwork.WithNetwork([]string{alias}, network))...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
}

var lastName atomic.Uint32

// newName is for a container or an image of this run.
func newName() string { return fmt.Sprintf("inith-integration-%d-%d", os.Getpid(), lastName.Add(1)) }

// A result is what became of a container, or of a call of the docker command.
type result struct {
	code           int
	stdout, stderr string
}

// runDocker runs the docker command to its end.
func runDocker(ctx context.Context, t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("docker: %v", err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// mustDocker runs a docker command that has to succeed and returns its output.
func mustDocker(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	r := runDocker(ctx, t, nil, args...)
	if r.code != 0 {
		t.Fatalf("docker %s: exit code %d\n%s%s", args[0], r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// cleanup runs a docker command when the test, and with it t's context, is over.
func cleanup(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if r := runDocker(ctx, t, nil, args...); r.code != 0 && !strings.Contains(r.stderr, "No such") {
		t.Errorf("docker %s: %s", strings.Join(args, " "), r.stderr)
	}
}

// runContainer runs a container to its end; args are those of docker run.
func runContainer(t *testing.T, args ...string) result {
	t.Helper()
	return runWithInput(t, nil, args...)
}

// runWithInput is runContainer with something on stdin.
func runWithInput(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	name := newName()
	t.Cleanup(func() { cleanup(t, "rm", "--force", "--volumes", name) })
	r := runDocker(t.Context(), t, stdin, append([]string{"run", "--name=" + name}, args...)...)
	if r.code == 125 {
		t.Fatalf("docker run: %s", r.stderr)
	}
	return r
}

// startContainer starts a container in the background and returns its name.
func startContainer(t *testing.T, args ...string) string {
	t.Helper()
	name := newName()
	t.Cleanup(func() { cleanup(t, "rm", "--force", "--volumes", name) })
	mustDocker(t.Context(), t, append([]string{"run", "--detach", "--name=" + name}, args...)...)
	return name
}

// logOf is what the container has said until now.
func logOf(ctx context.Context, t *testing.T, name string) result {
	t.Helper()
	return runDocker(ctx, t, nil, "logs", name)
}

// waitLog waits until the container's log has all of these texts.
func waitLog(t *testing.T, name string, texts ...string) {
	t.Helper()
	poll(t, 2*time.Minute, func(ctx context.Context) error {
		r := logOf(ctx, t, name)
		for _, text := range texts {
			if !strings.Contains(r.stdout+r.stderr, text) {
				return fmt.Errorf("no %q in the log:\n%s%s", text, r.stdout, r.stderr)
			}
		}
		return nil
	})
}

// endOf waits for the end of a container.
func endOf(t *testing.T, name string) result {
	t.Helper()
	var code int
	if _, err := fmt.Sscan(mustDocker(t.Context(), t, "wait", name), &code); err != nil {
		t.Fatal(err)
	}
	r := logOf(t.Context(), t, name)
	r.code = code
	return r
}

// mountFile is the argument of docker run for a file that anybody can read.
func mountFile(t *testing.T, path, content string) string {
	t.Helper()
	return "--volume=" + writeFile(t, filepath.Base(path), content, 0o644) + ":" + path + ":ro"
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	err := os.WriteFile(name, []byte(content), mode)
	if err == nil {
		err = os.Chmod(name, mode) // whatever the umask is
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func hasAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}
