package integration_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestInstall installs from the image, under the strictest limits.
func TestInstall(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	t.Run("twenty at once", func(t *testing.T) {
		t.Parallel()
		testTwentyInstall(t, tag)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		for option, want := range map[string]string{
			"--volume=" + newVolume(t) + ":/shared:ro": "error: cannot write /shared/inith: the file system is read-only",
			"--tmpfs=/shared":                          "error: /shared is mounted noexec: programs in it cannot be executed",
			"--tmpfs=/shared:exec,mode=755":            "error: cannot write /shared/inith: permission denied",
			"--tmpfs=/shared:exec,mode=777,size=1m":    "error: cannot write /shared/inith: no space left on the volume",
		} {
			r := runContainer(t, installing(tag, option)...)
			if r.code != 1 || r.stdout != "" {
				t.Errorf("%s: code %d and stdout %q, want 1 and nothing", option, r.code, r.stdout)
			}
			hasAll(t, r.stderr, want, "hint: ")
		}
	})
}

// installing returns the arguments of docker run for `inith install /shared`.
func installing(tag string, options ...string) []string {
	return slices.Concat(strict(), []string{"--network=none"}, options, []string{tag, "install", "/shared"})
}

// testTwentyInstall starts twenty containers at once, of which each is to end well;
// then an image without inith executes it as another user.
func testTwentyInstall(t *testing.T, tag string) {
	t.Helper()
	volume := newVolume(t)
	var wg sync.WaitGroup
	results := make([]result, 20)
	for i := range results {
		wg.Go(func() { results[i] = runContainer(t, installing(tag, "--volume="+volume+":/shared")...) })
	}
	wg.Wait()
	installed := 0
	for _, r := range results {
		if r.code != 0 || r.stdout != "/shared/inith\n" {
			t.Errorf("got %+v, want code 0 and the path", r)
		}
		if strings.Contains(r.stderr, "msg=installed") {
			installed++
		}
	}
	t.Logf("%d of %d wrote it, the others found it", installed, len(results))
	if got := inVolume(t, volume, "0", "ls", "-A", "/models"); got != "inith\n" {
		t.Errorf("the volume has %q, want nothing but inith", got)
	}
	if got := inVolume(t, volume, "4321:4321", "/models/inith", "version"); !strings.HasPrefix(got, "inith ") {
		t.Errorf("it says %q", got)
	}
}

// TestExampleInstall runs install.yaml: the application's container, whose image
// has no inith, waits for its server and then becomes the application.
func TestExampleInstall(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "install.yaml"))
	pod, ok := podOf(objects[0])
	if !ok || len(pod.Spec.InitContainers) != 1 {
		t.Fatal("install.yaml is not a Pod with one init container")
	}
	volumes, network := volumesOf(t, pod, objects), newNetwork(t)
	message := writeFile(t, "termination-log", "", 0o666)
	init := kubelet(t, pod, pod.Spec.InitContainers[0], volumes, tag, "--network=none", "--volume="+message+":/dev/termination-log")
	if r := runContainer(t, init...); r.code != 0 || r.stdout != "/inith-bin/inith\n" {
		t.Fatalf("got %+v, want code 0 and the path", r)
	}
	hasAll(t, readFile(t, message), "installed: /inith-bin/inith")

	app := pod.Spec.Containers[0]
	server := slices.Index(app.Command, "--") + 1
	if server == 0 || app.Command[server] != "/app/server" {
		t.Fatalf("the command %q does not end in the application", app.Command)
	}
	app.Command = append(slices.Clone(app.Command[:server]), "sh", "-c", "echo started by `id -u`")
	name := startContainer(t, kubelet(t, pod, app, volumes, image("busybox"), "--network="+network.Name)...)
	waitLog(t, name, "not ready")
	startOn(t, network, "redis-service", "redis")
	r := endOf(t, name)
	if r.code != 0 || r.stdout != "started by 10001\n" {
		t.Errorf("got %+v, want code 0 and the application", r)
	}
	hasAll(t, r.stderr, "msg=ready target=redis://redis-service:6379")
}
