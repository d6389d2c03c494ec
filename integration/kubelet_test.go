package integration_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
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
	c, volumes := pod.Spec.InitContainers[0], volumesOf(t, pod, objects)
	message := writeFile(t, "termination-log", "", 0o666)
	network := newNetwork(t)
	options := []string{"--network=" + network.Name, "--volume=" + message + ":/dev/termination-log"}
	// The broker of these tests listens, and advertises itself, at the loopback address.
	options = append(options, "--add-host=kafka-service:127.0.0.1")

	t.Log("without servers, and with less patience")
	r := runContainer(t, kubelet(t, pod, c, volumes, tag, append(options, "--env=INITH_WAIT_TIMEOUT=1s")...)...)
	b, err := os.ReadFile(message)
	if err != nil || r.code != 124 {
		t.Errorf("code %d, want 124; %v", r.code, err)
	}
	for _, target := range []string{"postgres://postgres-service:5432/app", "redis://redis-service:6379", "kafka://kafka-service:9092"} {
		hasAll(t, string(b), "error: "+target+" is not ready: ")
	}

	name := startContainer(t, kubelet(t, pod, c, volumes, tag, options...)...)
	waitLog(t, name, "not ready")
	startOn(t, network, "postgres-service", "postgres", testcontainers.WithCmd("postgres", "-c", "fsync=off"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_USER": "app", "POSTGRES_PASSWORD": secret.StringData["postgres-password"]}))
	startOn(t, network, "redis-service", "redis",
		testcontainers.WithCmd("redis-server", "--requirepass", secret.StringData["redis-password"]))
	startContainer(t, "--network=container:"+name, "--volume="+program(t, "kafkaserver")+":/kafkaserver:ro", "--entrypoint=/kafkaserver", image("busybox"), "--port=9092")
	r = endOf(t, name)
	if r.code != 0 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 0 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	hasAll(t, r.stderr, "msg=ready target=postgres://postgres-service:5432/app readiness=auth",
		"msg=ready target=redis://redis-service:6379 readiness=auth", "msg=ready target=kafka://kafka-service:9092 readiness=state")
	if b, err := os.ReadFile(message); err != nil || !strings.HasPrefix(string(b), "ready: 3 of 3 targets") {
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
func kubelet(t *testing.T, pod *corev1.PodTemplateSpec, c corev1.Container, volumes map[string]string, image string, options ...string) []string {
	t.Helper()
	s := c.SecurityContext
	if s == nil || c.WorkingDir != "" || len(c.EnvFrom)+len(c.VolumeDevices) > 0 || c.Resources.Limits.Memory().IsZero() || strings.Contains(fmt.Sprint(c.Args, c.Command, c.Env), "$(") {
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
	if user := cmp.Or(s.RunAsUser, pod.Spec.SecurityContext.RunAsUser); user != nil {
		add(true, fmt.Sprintf("--user=%d", *user))
	}
	if group := pod.Spec.SecurityContext.FSGroup; group != nil {
		add(true, fmt.Sprintf("--group-add=%d", *group))
	}
	// Seccomp's RuntimeDefault is Docker's own default.
	memory, cpu := c.Resources.Limits.Memory().Value(), c.Resources.Limits.Cpu()
	add(true, fmt.Sprintf("--memory=%d", memory))
	add(true, fmt.Sprintf("--memory-swap=%d", memory)) // a kubelet gives no swap
	add(!cpu.IsZero(), fmt.Sprintf("--cpus=%.3f", cpu.AsApproximateFloat64()))
	for _, e := range c.Env {
		add(true, "--env="+e.Name+"="+valueOf(t, pod, c, e))
	}
	for _, m := range c.VolumeMounts {
		if volumes[m.Name] == "" || m.SubPath != "" {
			t.Fatalf("no volume %s, or a part of it", m.Name)
		}
		args = append(args, "--volume="+volumes[m.Name]+":"+m.MountPath+map[bool]string{true: ":ro"}[m.ReadOnly])
	}
	command := c.Args
	if len(c.Command) > 0 {
		add(true, "--entrypoint="+c.Command[0])
		command = slices.Concat(c.Command[1:], c.Args)
	}
	return slices.Concat(args, []string{image}, command)
}

// valueOf returns the value of a variable.
func valueOf(t *testing.T, pod *corev1.PodTemplateSpec, c corev1.Container, e corev1.EnvVar) string {
	t.Helper()
	if e.ValueFrom == nil {
		return e.Value
	}
	if field := e.ValueFrom.FieldRef; field != nil {
		value, ok := map[string]string{"metadata.name": pod.Name, "metadata.namespace": "default", "spec.nodeName": "node-1"}[field.FieldPath]
		if !ok {
			t.Fatalf("variable %s: this test does not know the field %s", e.Name, field.FieldPath)
		}
		return value
	}
	ref := e.ValueFrom.ResourceFieldRef
	if ref == nil || ref.Resource != "limits.ephemeral-storage" || ref.ContainerName != "" || !ref.Divisor.IsZero() {
		t.Fatalf("variable %s: this test knows values, some fields and limits.ephemeral-storage only", e.Name)
	}
	return strconv.FormatInt(c.Resources.Limits.StorageEphemeral().Value(), 10)
}

// volumesOf makes the pod's volumes, and returns by name what docker run calls
// them: folders for Secrets and ConfigMaps, root's and with the mode that a
// kubelet gives them by default, and volumes for what is empty at first, or a
// directory of the node.
func volumesOf(t *testing.T, pod *corev1.PodTemplateSpec, objects []runtime.Object) map[string]string {
	t.Helper()
	contents := map[string]map[string]string{}
	hosts := map[string]bool{} // by name, PersistentVolumes with a directory of the node
	claims := map[string]string{}
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.PersistentVolume:
			hosts[o.Name] = o.Spec.HostPath != nil
		case *corev1.PersistentVolumeClaim:
			claims[o.Name] = o.Spec.VolumeName
		case *corev1.Secret:
			contents["secret "+o.Name] = o.StringData
		case *corev1.ConfigMap:
			contents["config "+o.Name] = o.Data
		}
	}
	volumes := map[string]string{}
	for _, v := range pod.Spec.Volumes {
		name := ""
		switch {
		case v.EmptyDir != nil: // of medium Memory too: what is in it is not a matter of where it is
			volumes[v.Name] = newVolume(t)
			continue
		case v.PersistentVolumeClaim != nil && hosts[claims[v.PersistentVolumeClaim.ClaimName]]:
			volumes[v.Name] = newVolume(t)
			inVolume(t, volumes[v.Name], "0", "chmod", "1777", "/models") // as the manifest asks of the node
			continue
		case v.Secret != nil && len(v.Secret.Items) == 0 && v.Secret.DefaultMode == nil:
			name = "secret " + v.Secret.SecretName
		case v.ConfigMap != nil && len(v.ConfigMap.Items) == 0 && v.ConfigMap.DefaultMode == nil:
			name = "config " + v.ConfigMap.Name
		}
		files, ok := contents[name]
		if !ok {
			t.Fatalf("volume %s is neither empty nor the node's nor the whole of a Secret or ConfigMap of the manifest", v.Name)
		}
		volumes[v.Name] = sharedDir(t)
		for name, value := range files {
			writeMode(t, filepath.Join(volumes[v.Name], name), value, 0o644)
		}
	}
	return volumes
}
