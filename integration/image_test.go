package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/testcontainers/testcontainers-go"
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
	const script = `id -u; id -g; echo "home=$HOME"; grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status; touch /tmp/x 2>&1`
	r := runContainer(t, append(strict(), "--entrypoint=sh", image("busybox"), "-c", script)...)
	hasAll(t, r.stdout, "1234\n0\nhome=/\n", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Read-only file system")
	r = runContainer(t, append(strict(), "--entrypoint=sh", image("busybox"), "-c", "head -c 64000000 /dev/zero | tail -n 1 | wc -c")...)
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
	startOn(t, network, "web", "nginx", append(withNginxTLS(t, "443"), up())...)

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
	if err := os.MkdirAll(filepath.Join(dir, "bin", "linux"), 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"../Dockerfile": "Dockerfile", "../.dockerignore": ".dockerignore", binary: "bin/linux/inith"} {
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
