package integration_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestExampleMirror runs mirror.yaml: several Pods at once through nginx, then one whose origin is gone.
func TestExampleMirror(t *testing.T) {
	t.Parallel()
	objects := manifest(t, filepath.Join(kubernetesDir, "mirror.yaml"))
	mirror, ok := podOf(objects[0])
	pod, okPod := podOf(objects[3])
	if !ok || !okPod {
		t.Fatal("mirror.yaml has no Deployment and no Pod where they are expected")
	}
	e := &example{startOrigin(t, "0"), pod, volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666)}
	e.put(t, modelsHost, "sentiment/v2.bin")
	name := startContainer(t, kubelet(t, mirror, mirror.Spec.Containers[0], volumesOf(t, mirror, objects), image("nginx"),
		"--network="+e.reach, "--network-alias=model-mirror", mountFile(t, "/etc/ssl/certs/ca-certificates.crt", certificate(t).cert))...)
	args := e.pod.Spec.InitContainers[0].Args
	args[1] = strings.Replace(args[1], "//model-mirror/", "//model-mirror:8080/", 1) // the Service is on port 80

	var others sync.WaitGroup
	for range 3 {
		other := *e
		other.volumes = volumesOf(t, pod, objects)
		others.Go(func() {
			if r := runContainer(t, other.run(t)...); r.code != 0 || !strings.Contains(r.stderr, "source=http://model-mirror:8080/sentiment/v2.bin") {
				t.Errorf("code %d; stderr:\n%s", r.code, r.stderr)
			}
		})
	}
	others.Wait()
	mustDocker(t.Context(), t, "kill", "--signal=KILL", e.id)
	r := runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, "source=http://model-mirror:8080/sentiment/v2.bin", "evidence=pinned")

	t.Log("without the mirror")
	mustDocker(t.Context(), t, "kill", "--signal=KILL", name)
	mustDocker(t.Context(), t, "start", e.id)
	e.volumes = volumesOf(t, pod, objects)
	r = runContainer(t, e.run(t, "--env=INITH_FETCH_STALL_TIMEOUT=10s")...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, "trying the next mirror", "source=https://models.example.com/sentiment/v2.bin")
}
