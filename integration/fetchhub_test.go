package integration_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/hubserver"
)

// TestExampleFetchHubRepository runs fetch-hub-repository.yaml against a hub in the process of the test, as a kubelet
// does: the root of a volume is the destination. Then it runs again, without a hub.
func TestExampleFetchHubRepository(t *testing.T) {
	t.Parallel()
	objects := manifest(t, filepath.Join(kubernetesDir, "fetch-hub-repository.yaml"))
	pod, ok := podOf(objects[0])
	if !ok {
		t.Fatal("no pod")
	}
	weights := []byte(strings.Repeat("weights ", 1<<20))
	hub := hubserver.Start(hubserver.Repository{
		Name: "org/model", Commit: "0123456789abcdef0123456789abcdef01234567", LFS: 1 << 20,
		Files: map[string][]byte{
			"config.json": []byte("{}"), "model.safetensors": weights, "original/consolidated.safetensors": []byte("x"), "README.md": []byte("# model"),
			"tokenizer/vocab.json": []byte("{}"),
		},
	}, "s3cr3t")
	t.Cleanup(hub.Close)
	volumes, tag, message := volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666)
	run := func() result {
		return runContainer(t, kubelet(t, pod, pod.Spec.InitContainers[0], volumes, tag,
			"--network=host", "--env=HF_ENDPOINT="+hub.URL, "--volume="+message+":/dev/termination-log")...)
	}
	for i, want := range []string{"msg=fetched", `msg="up to date"`} {
		r := run()
		if r.code != 0 || r.stdout != "/mnt/models\n" {
			t.Fatalf("run %d: code %d, stdout %q, stderr:\n%s", i+1, r.code, r.stdout, r.stderr)
		}
		hasAll(t, r.stderr, want, "files=3", "commit=0123456789abcdef0123456789abcdef01234567", "evidence=server")
		hasAll(t, readFile(t, message), fmt.Sprintf("fetched: 3 files of 8.0 MiB, %d up to date", 3*i))
		hub.Close() // the second run needs none
	}
	app := pod.Spec.Containers[0]
	script := "cd /mnt/models && sha256sum -c SHA256SUMS && find * -type f | sort && ! touch x"
	got := runContainer(t, append(kubelet(t, pod, app, volumes, image("busybox"), "--network=none", "--entrypoint=sh"), "-c", script)...)
	const want = "config.json: OK\nmodel.safetensors: OK\ntokenizer/vocab.json: OK\nSHA256SUMS\nconfig.json\nmodel.safetensors\ntokenizer/vocab.json\n"
	if got.code != 0 || got.stdout != want {
		t.Errorf("the application reads %+v, want %q; the weights are %x", got, want, sha256.Sum256(weights))
	}
}
