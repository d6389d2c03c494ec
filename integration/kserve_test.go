package integration_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// storageContainers returns the containers of clusterstoragecontainer.yaml, by the name of their object.
func storageContainers(t *testing.T) map[string]corev1.Container {
	t.Helper()
	containers := map[string]corev1.Container{}
	for document := range strings.SplitSeq(readFile(t, "../examples/kserve/clusterstoragecontainer.yaml"), "\n---\n") {
		// https://github.com/kserve/kserve/blob/master/pkg/apis/serving/v1alpha1/storage_container_types.go
		var o struct {
			APIVersion, Kind string
			Metadata         struct{ Name string }
			Spec             struct {
				Container           corev1.Container
				SupportedURIFormats []map[string]string
				WorkloadType        string
			}
		}
		if err := yaml.UnmarshalStrict([]byte(document), &o); err != nil || o.Kind != "ClusterStorageContainer" {
			t.Fatalf("%v: %+v", err, o)
		}
		containers[o.Metadata.Name] = o.Spec.Container
	}
	return containers
}

// A storageInitializer is a container as KServe's controller starts it: with the URIs of models and their directories as
// arguments, a volume, and the variables of a Secret.
type storageInitializer struct {
	*origin
	container corev1.Container
	volume    string
	tag       string
	message   string // the path of the termination log
}

const modelsMount = "/mnt/models"

func (o *origin) storageInitializer(t *testing.T, c corev1.Container, env ...string) *storageInitializer {
	t.Helper()
	c.VolumeMounts = []corev1.VolumeMount{{Name: "kserve-provision-location", MountPath: modelsMount}}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: value})
	}
	return &storageInitializer{o, c, newVolume(t), buildInith(t), writeFile(t, "termination-log", "", 0o666)}
}

func (s *storageInitializer) run(t *testing.T, args ...string) result {
	t.Helper()
	c := s.container
	c.Args = args
	pod := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{}}}
	options := append(s.trusted(t), "--volume="+s.message+":/dev/termination-log")
	return runContainer(t, kubelet(t, pod, c, map[string]string{"kserve-provision-location": s.volume}, s.tag, options...)...)
}

// wantModel checks what the server of the model reads, as a user of its own.
func (s *storageInitializer) wantModel(t *testing.T, r result, sums string) {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("code %d, want 0; stderr:\n%s", r.code, r.stderr)
	}
	got := runContainer(t, "--network=none", "--user=1000", "--volume="+s.volume+":"+modelsMount+":ro", "--entrypoint=sh", image("busybox"),
		"-c", "cd "+modelsMount+" && sha256sum $(find * -type f | sort)")
	if got.code != 0 || got.stdout != sums {
		t.Errorf("the server reads %+v, want code 0 and %q", got, sums)
	}
	hasNoSecret(t, r.stderr+readFile(t, s.message))
}

// TestKServeS3 starts the container as for an InferenceService with a model in S3, whose key is in a storage configuration: one
// model, the same again, one that is not there, and two models.
func TestKServeS3(t *testing.T) {
	t.Parallel()
	o := &origin{network: newNetwork(t), files: sharedDir(t)}
	o.reach = o.network.Name
	weights := o.put(t, "buckets/models", "sentiment/weights.bin", modelSize)
	config := o.write(t, "buckets/models", "sentiment/config.json", strings.NewReader("{}"))
	adapter := o.write(t, "buckets/models", "sentiment-v2/adapter.bin", strings.NewReader("adapter"))
	c := startImage(t, "busybox", withDir(program(t, "s3server"), "/s3server"), withDir(o.files, "/data"), withCertificate(t),
		testcontainers.WithCmd("/s3server", "--address", ":443", "--dir", "/data", "--secret", password, "--cert", "/tls.crt", "--key", "/tls.key"),
		tcnetwork.WithNetwork([]string{modelsHost}, o.network))
	o.id = c.GetContainerID()
	storage := fmt.Sprintf(`STORAGE_CONFIG={"type":"s3","endpoint_url":"https://%s","access_key_id":"app","secret_access_key":%q,"bucket":"models","region":"us-east-1"}`,
		modelsHost, password)

	s := o.storageInitializer(t, storageContainers(t)["inith"], storage)
	one := config + "  config.json\n" + weights + "  weights.bin\n"
	s.wantModel(t, s.run(t, "s3://models/sentiment", modelsMount), one)
	s.wantModel(t, s.run(t, "s3://models/sentiment", modelsMount), one)

	r := s.run(t, "s3://models/sentimental", modelsMount)
	if r.code != 1 {
		t.Errorf("code %d, want 1; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, s.message), "s3://models/sentimental", "NoSuchKey")
	hasNoSecret(t, r.stderr+readFile(t, s.message))

	s = o.storageInitializer(t, storageContainers(t)["inith"], storage, `STORAGE_ALLOW_PATTERNS=["*.bin"]`)
	s.wantModel(t, s.run(t, "s3://models/sentiment/", modelsMount+"/base", "s3://models/sentiment-v2/adapter.bin", modelsMount+"/adapters"),
		adapter+"  adapters/adapter.bin\n"+weights+"  base/weights.bin\n")
}

// TestKServeOCI starts the container for a modelcar, in a registry without TLS.
func TestKServeOCI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	registry := startRegistrySite(t, "", dir)
	const repository, layerType = "models/sentiment", "application/vnd.oci.image.layer.v1.tar+gzip"
	weights := randomBytes(modelSize) // more than the memory of the container
	registry.tag(t, repository, "v1", "application/vnd.oci.image.config.v1+json",
		registry.push(t, repository, layerType, layer(t, map[string][]byte{"bin/sh": []byte("sh"), "models/old": []byte("old")}), nil),
		registry.push(t, repository, layerType, layer(t, map[string][]byte{"models/.wh.old": nil, "models/a/config.json": []byte("{}"), "models/weights": weights}), nil))
	o := &origin{network: newNetwork(t)}
	o.reach = o.network.Name
	c := startImage(t, "busybox", withDir(program(t, "registryserver"), "/registryserver"), withDir(dir, "/data"), withCertificate(t),
		testcontainers.WithCmd("/registryserver", "--address", ":80", "--dir", "/data"), tcnetwork.WithNetwork([]string{modelsHost}, o.network))
	o.id = c.GetContainerID()
	s := o.storageInitializer(t, storageContainers(t)["inith"], "KSERVE_OCI_INSECURE_REGISTRY=true", "KSERVE_OCI_DOCKER_CONFIG=/mnt/none/config.json")
	const sum = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  a/config.json\n" // of {}
	for range 2 {
		s.wantModel(t, s.run(t, "oci://"+modelsHost+"/"+repository+":v1", modelsMount), sum+strings.TrimPrefix(digestOf(weights), "sha256:")+"  weights\n")
	}
}

// TestKServeArchive starts the container for archives: the content of one is in the volume, and stays what it is.
func TestKServeArchive(t *testing.T) {
	t.Parallel()
	o := startOrigin(t, "0")
	o.write(t, modelsHost, "v1.tar.gz", bytes.NewReader(tarGz(t, "model/config.json", "{}")))
	s := o.storageInitializer(t, storageContainers(t)["inith-archives"])
	const sum = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  model/config.json\n" // of {}
	s.wantModel(t, s.run(t, "https://"+modelsHost+"/v1.tar.gz", modelsMount), sum)
	r := s.run(t, "https://"+modelsHost+"/v1.tar.gz", modelsMount)
	s.wantModel(t, r, sum)
	hasAll(t, r.stderr, `msg="up to date"`)
}

// TestKServeDocs holds the page to name every variable that inith reads for KServe.
func TestKServeDocs(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile(filepath.Join("..", "cmd", "inith", "kserve.go"))
	if err != nil {
		t.Fatal(err)
	}
	page := readFile(t, "../docs/kserve.md")
	for _, match := range regexp.MustCompile(`"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"`).FindAllStringSubmatch(string(code), -1) {
		if word := match[1]; !strings.Contains(page, word) {
			t.Errorf("docs/kserve.md does not name %s", word)
		}
	}
}
