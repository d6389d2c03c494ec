package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// TestExampleFetchS3 runs fetch-s3.yaml against Versity's gateway with the name of its endpoint.
func TestExampleFetchS3(t *testing.T) {
	t.Parallel()
	o := &origin{network: newNetwork(t), files: sharedDir(t)}
	o.reach = o.network.Name
	if sum := o.put(t, "buckets/models", "sentiment/v2.bin", modelSize); sum != modelSum {
		t.Fatalf("the model has the digest %s, the examples have %s", sum, modelSum)
	}
	c := startImage(t, "busybox", withDir(program(t, "s3server"), "/s3server"), withDir(o.files, "/data"), withCertificate(t),
		testcontainers.WithCmd("/s3server", "--address", ":443", "--dir", "/data", "--id", "replace-me", "--secret", "replace-me",
			"--cert", "/tls.crt", "--key", "/tls.key"),
		tcnetwork.WithNetwork([]string{modelsHost}, o.network))
	o.id = c.GetContainerID()

	objects := manifest(t, filepath.Join(kubernetesDir, "fetch-s3.yaml"))
	pod, ok := podOf(objects[1])
	if !ok {
		t.Fatal("fetch-s3.yaml has no Pod behind its Secret")
	}
	e := &example{o, pod, volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666)}
	r := runContainer(t, e.run(t)...) // it waits for the server
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")

	t.Log("the container again")
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, `msg="up to date"`, "evidence=pinned")
	if strings.Contains(r.stderr+readFile(t, e.message), "replace-me") {
		t.Errorf("the key is shown:\n%s", r.stderr)
	}

	t.Log("with another secret")
	credentials := filepath.Join(e.volumes["key"], "credentials")
	if err := os.WriteFile(credentials, []byte(strings.ReplaceAll(readFile(t, credentials), "secret_access_key = replace-me", "secret_access_key = "+wrongPassword)), 0o600); err != nil {
		t.Fatal(err)
	}
	e.volumes["model-storage"] = newVolume(t)
	r = runContainer(t, e.run(t)...)
	if r.code != 1 {
		t.Errorf("code %d, want 1; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, e.message), "SignatureDoesNotMatch: the signature is not accepted", "hint: Check the secret key")
	hasNoSecret(t, r.stderr+readFile(t, e.message))
}
