package integration_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/inith/inith/internal/testing/blobserver"
	"github.com/inith/inith/internal/testing/bucketserver"
	"github.com/inith/inith/internal/testing/gcsserver"
)

// exampleModel returns the model whose digest the examples have.
func exampleModel(t *testing.T) []byte {
	t.Helper()
	b, err := io.ReadAll(io.LimitReader(rand.NewChaCha8([32]byte([]byte("the model of inith's examples..."))), modelSize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newStoreExample returns an example whose store is in the process of the test: the Pod is behind another object.
func newStoreExample(t *testing.T, name string) *example {
	t.Helper()
	objects := manifest(t, filepath.Join(kubernetesDir, name))
	pod, ok := podOf(objects[1])
	if !ok {
		t.Fatalf("%s has no Pod as its second object", name)
	}
	o := &origin{reach: "host", files: sharedDir(t)}
	return &example{o, pod, volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666)}
}

// TestExampleFetchGS runs fetch-gs.yaml against a fake in the process of the test, which wants the signature of the key.
func TestExampleFetchGS(t *testing.T) {
	t.Parallel()
	s := gcsserver.Start()
	t.Cleanup(s.Close)
	s.PutBytes("sentiment/v2.bin", exampleModel(t))
	e := newStoreExample(t, "fetch-gs.yaml")
	key := filepath.Join(e.volumes["key"], "key.json")
	if !strings.Contains(readFile(t, key), "service_account") {
		t.Error("the Secret is not mounted where the key is")
	}
	run := func() result {
		return runContainer(t, e.run(t, "--env=CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE="+s.URL)...)
	}

	r := run()
	if r.code != 1 {
		t.Errorf("code %d, want 1; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, e.message), "has no valid private_key or client_email")
	if strings.Contains(r.stderr+readFile(t, e.message), "replace-me") {
		t.Errorf("the key is shown:\n%s", r.stderr)
	}

	if err := os.WriteFile(key, s.KeyFile(), 0o644); err != nil {
		t.Fatal(err)
	}
	r = run()
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	if s.Asked() != "/token" {
		t.Errorf("asked %q, want the token server once", s.Asked())
	}

	t.Log("the container again")
	r = run()
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, `msg="up to date"`, "evidence=pinned")
}

// TestExampleFetchAZ runs fetch-az.yaml against a fake in the process of the test, as AKS does: its webhook adds the token of the
// service account and where it is to be sent.
func TestExampleFetchAZ(t *testing.T) {
	t.Parallel()
	s := blobserver.Start()
	t.Cleanup(s.Close)
	s.Assertion = "t0k3n-of-the-cluster"
	s.PutBytes("sentiment/v2.bin", exampleModel(t))
	e := newStoreExample(t, "fetch-az.yaml")
	if e.pod.Labels["azure.workload.identity/use"] != "true" {
		t.Error("AKS adds nothing to this Pod")
	}
	args := e.pod.Spec.InitContainers[0].Args
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "examplemodels", "account") // the fake's
	}
	run := func(token string) result {
		return runContainer(t, e.run(
			t, "--env=AZURE_STORAGE_SERVICE_ENDPOINT="+s.URL, "--env=AZURE_CLIENT_ID=client", "--env=AZURE_TENANT_ID=tenant",
			"--env=AZURE_AUTHORITY_HOST="+s.URL+"/", "--env=AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token",
			mountFile(t, "/var/run/secrets/azure/tokens/azure-identity-token", token),
		)...)
	}
	e.wantToken(t, run, s.Assertion, "no credentials from Microsoft Entra ID: it refuses (invalid_client)", "hint: check AZURE_TENANT_ID")
	if s.Asked() != "assertion" {
		t.Errorf("asked for a token by %q, want the assertion once", s.Asked())
	}
}

// wantToken runs the init container with a wrong token of its service account, with the right one, and once more. The wrong one is
// refused with a message, neither is shown, and the last run finds all up to date.
func (e *example) wantToken(t *testing.T, run func(token string) result, token string, refusal ...string) {
	t.Helper()
	r := run("an0ther")
	if r.code != 1 || strings.Contains(r.stderr+readFile(t, e.message), "an0ther") {
		t.Errorf("code %d, want 1 and no token; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, e.message), refusal...)

	r = run(token)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	if strings.Contains(r.stderr, token) {
		t.Errorf("the token is shown; stderr:\n%s", r.stderr)
	}
	r = run(token)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, `msg="up to date"`, "evidence=pinned")
}

// TestExampleFetchS3Role runs fetch-s3-role.yaml against a fake in the process of the test, as EKS does: its webhook adds the token
// of the service account and the role that the annotation names.
func TestExampleFetchS3Role(t *testing.T) {
	t.Parallel()
	s := bucketserver.Start()
	t.Cleanup(s.Close)
	s.Bucket, s.Region, s.IdentityToken = "example-models", "eu-central-1", "t0k3n-of-the-cluster"
	s.PutBytes("sentiment/v2.bin", exampleModel(t))
	e := newStoreExample(t, "fetch-s3-role.yaml")
	account, ok := manifest(t, filepath.Join(kubernetesDir, "fetch-s3-role.yaml"))[0].(*corev1.ServiceAccount)
	if !ok || account.Name != e.pod.Spec.ServiceAccountName {
		t.Fatal("the Pod is not of the ServiceAccount")
	}
	const file = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
	run := func(token string) result {
		return runContainer(t, e.run(
			t, "--env=AWS_ENDPOINT_URL="+s.URL, "--env=AWS_ENDPOINT_URL_STS="+s.URL, "--env=AWS_REGION="+s.Region,
			"--env=AWS_ROLE_ARN="+account.Annotations["eks.amazonaws.com/role-arn"], "--env=AWS_WEB_IDENTITY_TOKEN_FILE="+file,
			mountFile(t, file, token),
		)...)
	}
	e.wantToken(t, run, s.IdentityToken, "STS refuses (InvalidIdentityToken)", "hint: check the annotation of the service account")
	if s.Given() != 1 {
		t.Errorf("%d credentials, want one set", s.Given())
	}
}
