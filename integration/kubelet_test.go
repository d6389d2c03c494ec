package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	corev1 "k8s.io/api/core/v1"
)

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
		writeMode(t, filepath.Join(dir, name), value, 0o644)
	}
	return dir
}
