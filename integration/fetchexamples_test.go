package integration_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The model whose digest the examples have. It is larger than the memory of their
// init containers.
const (
	modelSize = 96 << 20
	modelSum  = "4a3156b49e3ddf2033549b62624f2b16d192d4c558dbf06500ec31ac6bdee2da"
)

// An example is a manifest whose first init container fetches.
type example struct {
	*origin
	pod     *corev1.PodTemplateSpec
	volumes map[string]string
	tag     string
	message string // the path of the termination log
}

func newExample(t *testing.T, name, rate string) *example {
	t.Helper()
	objects := manifest(t, filepath.Join(kubernetesDir, name))
	pod, ok := podOf(objects[0])
	if !ok {
		t.Fatalf("%s does not begin with what makes a pod", name)
	}
	return &example{
		startOrigin(t, rate), pod, volumesOf(t, pod, objects), buildInith(t), writeFile(t, "termination-log", "", 0o666),
	}
}

// put puts the model where the manifest looks for it.
func (e *example) put(t *testing.T, host, name string) {
	t.Helper()
	if sum := e.origin.put(t, host, name, modelSize); sum != modelSum {
		t.Fatalf("the model has the digest %s, the examples have %s", sum, modelSum)
	}
}

// run returns the arguments of docker run for the init container.
func (e *example) run(t *testing.T, options ...string) []string {
	t.Helper()
	options = append(append(e.trusted(t), "--volume="+e.message+":/dev/termination-log"), options...)
	return kubelet(t, e.pod, e.pod.Spec.InitContainers[0], e.volumes, e.tag, options...)
}

// wantDone checks the end of the init container, and that the application, as its
// user and with its mounts, reads what was fetched.
func (e *example) wantDone(t *testing.T, r result, summary string, sums ...string) {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("code %d, want 0; stderr:\n%s", r.code, r.stderr)
	}
	if message := readFile(t, e.message); !strings.HasPrefix(message, summary) {
		t.Errorf("termination message %q, want %q", message, summary)
	}
	app := e.pod.Spec.Containers[0]
	if app.SecurityContext.RunAsUser == nil || len(app.Args) > 0 {
		t.Fatal("the application runs as inith's user, or has arguments")
	}
	script := "cd /models && sha256sum $(find * -type f) && ! touch x"
	got := runContainer(t, append(kubelet(t, e.pod, app, e.volumes, image("busybox"), "--network=none", "--entrypoint=sh"), "-c", script)...)
	if want := strings.Join(sums, "\n") + "\n"; got.code != 0 || got.stdout != want {
		t.Errorf("the application reads %+v, want code 0 and %q", got, want)
	}
}

// TestExampleFetch runs fetch.yaml: a pinned digest, and the limit of ephemeral
// storage.
func TestExampleFetch(t *testing.T) {
	t.Parallel()
	e := newExample(t, "fetch.yaml", "0")
	e.put(t, modelsHost, "sentiment-v2.bin")

	t.Log("with less ephemeral storage than the model has")
	limits := e.pod.Spec.InitContainers[0].Resources.Limits
	enough := limits[corev1.ResourceEphemeralStorage]
	limits[corev1.ResourceEphemeralStorage] = resource.MustParse("90Mi")
	r := runContainer(t, e.run(t)...)
	if r.code != 1 || strings.Contains(r.stderr, "msg=progress") {
		t.Errorf("code %d, want 1 and no progress; stderr:\n%s", r.code, r.stderr)
	}
	hasAll(t, readFile(t, e.message), "needs 96.0 MiB, and there are 90.0 MiB of ephemeral storage left", "hint: raise limits.ephemeral-storage")

	limits[corev1.ResourceEphemeralStorage] = enough
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, "evidence=pinned")
	if r.stdout != "/models/sentiment.bin\n" {
		t.Errorf("stdout %q, want the path", r.stdout)
	}
	if env := e.pod.Spec.Containers[0].Env[0]; env.Name != "MODEL_PATH" || env.Value != strings.TrimSpace(r.stdout) {
		t.Errorf("the application looks for its model at %+v", env)
	}

	t.Log("the container again, and no server")
	e.origin = e.offline()
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: ", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, `msg="up to date"`)
}

// TestExampleFetchCache runs fetch-cache.yaml for two Pods of a node: the second one finds the model in the cache, and no
// server. It copies the model, since its volume is mounted apart.
func TestExampleFetchCache(t *testing.T) {
	t.Parallel()
	e := newExample(t, "fetch-cache.yaml", "0")
	e.put(t, modelsHost, "sentiment-v2.bin")
	r := runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: 1 file of 96.0 MiB, 0 up to date, 96.0 MiB downloaded", modelSum+"  sentiment.bin")

	e.origin = e.offline()
	e.volumes["model-storage"] = newVolume(t)
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: 1 file of 96.0 MiB, 0 up to date, 0 B downloaded, 96.0 MiB from the cache", modelSum+"  sentiment.bin")
	hasAll(t, r.stderr, "evidence=pinned cached_bytes=100663296")

	t.Log("a user of another UID")
	e.volumes["model-storage"] = newVolume(t)
	uid := int64(65533)
	e.pod.Spec.InitContainers[0].SecurityContext.RunAsUser = &uid
	r = runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: 1 file of 96.0 MiB, 0 up to date, 0 B downloaded, 96.0 MiB from the cache", modelSum+"  sentiment.bin")
}

// TestExampleFetchList runs fetch-list.yaml, where the first origin does not have
// the model, and the mirror does.
func TestExampleFetchList(t *testing.T) {
	t.Parallel()
	e := newExample(t, "fetch-list.yaml", "0")
	e.put(t, mirrorHost, "models/v2.bin")
	const vocabulary = "hello\nworld\n"
	archive := tarGz(t, "vocab.txt", vocabulary)
	sum := e.write(t, modelsHost, "tokenizer.tar.gz", bytes.NewReader(archive))
	e.write(t, modelsHost, "SHA256SUMS", strings.NewReader(sum+"  tokenizer.tar.gz\n"))
	want := e.write(t, modelsHost, "vocab.txt", strings.NewReader(vocabulary))

	r := runContainer(t, e.run(t)...)
	e.wantDone(t, r, "fetched: 2 files", modelSum+"  model.bin", want+"  tokenizer/vocab.txt")
	hasAll(t, r.stderr, "trying the next mirror", "answered status 404", "source=https://mirror.example.net/models/v2.bin", "evidence=pinned", "evidence=sums")
	if r.stdout != "/models/model.bin\n/models/tokenizer\n" {
		t.Errorf("stdout %q, want the paths in the order of the list", r.stdout)
	}
}

// TestExampleFetchRetry runs fetch-retry.yaml while the server is killed in the
// middle and comes back.
func TestExampleFetchRetry(t *testing.T) {
	t.Parallel()
	e := newExample(t, "fetch-retry.yaml", "2m")
	e.put(t, modelsHost, "model.bin")
	name := startContainer(t, e.run(t)...)
	waitProgress(t, name)
	mustDocker(t.Context(), t, "kill", "--signal=KILL", e.id)
	poll(t, 2*time.Minute, func(ctx context.Context) error {
		if r := logOf(ctx, t, name); !strings.Contains(r.stderr, "last_err=") {
			return errors.New("no trouble:\n" + r.stderr)
		}
		return nil
	})
	mustDocker(t.Context(), t, "start", e.id)
	r := endOf(t, name)
	e.wantDone(t, r, "fetched: ", modelSum+"  model.bin")
	if strings.Contains(r.stdout+r.stderr+readFile(t, e.message), "replace-me") {
		t.Errorf("the token is shown:\n%s", r.stderr)
	}
	hasAll(t, r.stderr, "source=https://models.example.com/model.bin?…")
}

// TestExampleComposeFetch starts an application whose image has inith in it, and
// whose model is not there yet.
func TestExampleComposeFetch(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.fetch.yaml")
	o := &origin{files: sharedDir(t)}
	sum := o.put(t, "", "model.bin", modelSize)
	p.env = append(p.env, "MODELS="+o.files, "MODEL_SHA256="+sum)
	p.compose(t, "up", "--detach", "--build")
	app := p.waitContainer(t, "app", fmt.Sprintf("app: started with %d bytes", modelSize))
	hasAll(t, logOf(t.Context(), t, app).stderr, "msg=fetched", "evidence=pinned")

	p.compose(t, "stop", "models")
	p.compose(t, "restart", "app")
	waitLog(t, app, `msg="up to date"`)
	p.compose(t, "stop", "app")
	r := endOf(t, app)
	if started := fmt.Sprintf("app: started with %d bytes\n", modelSize); r.code != 0 || r.stdout != started+started {
		t.Errorf("got %+v, want code 0 and two starts, and nothing of inith's on stdout", r)
	}
}

// tarGz returns an archive with one file.
func tarGz(t *testing.T, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))})
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
