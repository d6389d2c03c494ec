package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// TestExampleFetchOCI runs fetch-oci.yaml against Distribution's registry with the name of its registry.
func TestExampleFetchOCI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startRegistrySite(t, "basic", dir)
	o := &origin{network: newNetwork(t), files: sharedDir(t)}
	o.reach = o.network.Name
	if sum := o.put(t, "", "model", modelSize); sum != modelSum {
		t.Fatalf("the model has the digest %s, the examples have %s", sum, modelSum)
	}
	model, err := os.ReadFile(filepath.Join(o.files, "model"))
	if err != nil {
		t.Fatal(err)
	}
	const repository = "sentiment/model"
	digest := first.tag(t, repository, "v2", "application/vnd.oci.empty.v1+json",
		first.push(t, repository, "application/octet-stream", model, titled("sentiment.bin")))

	c := startImage(t, "busybox", withDir(program(t, "registryserver"), "/registryserver"), withDir(dir, "/data"), withCertificate(t),
		testcontainers.WithCmd("/registryserver", "--address", ":443", "--dir", "/data", "--login", "basic", "--password", "replace-me",
			"--cert", "/tls.crt", "--key", "/tls.key"),
		tcnetwork.WithNetwork([]string{modelsHost}, o.network))
	o.id = c.GetContainerID()
	objects := manifest(t, filepath.Join(kubernetesDir, "fetch-oci.yaml"))
	pod, ok := podOf(objects[1])
	if !ok {
		t.Fatal("fetch-oci.yaml has no Pod behind its Secret")
	}
	if source := pod.Spec.InitContainers[0].Args[1]; !strings.HasSuffix(source, "@"+digest) {
		t.Fatalf("the model is %s, the example has %s", digest, source)
	}
	e := &example{o, pod, volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666)}
	r := runContainer(t, e.run(t)...) // it waits for the server
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment/sentiment.bin")

	t.Log("the container again, and no registry")
	e.origin = e.offline()
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment/sentiment.bin")
	hasAll(t, r.stderr, `msg="up to date"`, "evidence=content")
	if strings.Contains(r.stderr+readFile(t, e.message), "replace-me") {
		t.Errorf("the password is shown:\n%s", r.stderr)
	}

	t.Log("with another password")
	e.origin = o
	config := filepath.Join(e.volumes["login"], ".dockerconfigjson")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(readFile(t, config), "replace-me", wrongPassword)), 0o600); err != nil {
		t.Fatal(err)
	}
	e.volumes["model-storage"] = newVolume(t)
	r = runContainer(t, e.run(t)...)
	if r.code != 1 {
		t.Errorf("code %d, want 1; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, e.message), "the registry does not accept the credentials for "+modelsHost, "hint: Check that the config.json")
	hasNoSecret(t, r.stderr+readFile(t, e.message))
}
