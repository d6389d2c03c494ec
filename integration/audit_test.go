package integration_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestExampleAudit runs audit.yaml as a kubelet would: the sidecar, its startup probe, then the application in the network
// of the same Pod.
func TestExampleAudit(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "audit.yaml"))
	pod, ok := podOf(objects[0])
	if !ok || len(pod.Spec.InitContainers) != 1 {
		t.Fatal("audit.yaml is not a Pod with one init container")
	}
	c, volumes, network := pod.Spec.InitContainers[0], volumesOf(t, pod, objects), newNetwork(t)
	if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Error("it is no native sidecar")
	}
	sidecar := startContainer(t, kubelet(t, pod, c, volumes, tag, "--network="+network.Name, "--network-alias=pod")...)
	probe := append([]string{"exec", sidecar}, c.StartupProbe.Exec.Command...)
	poll(t, time.Minute, func(ctx context.Context) error {
		if r := runDocker(ctx, t, nil, probe...); r.code != 0 {
			return errors.New(r.stderr)
		}
		return nil
	})
	startAgent(t, "--network=container:"+sidecar)
	ask(t, network.Name, "http://pod:8080/v1/models?key=s3cr3tvalue", "an answer")
	ask(t, network.Name, "http://pod:8080/healthz", "fine")
	if r := wget(t, network.Name, "http://pod:8000/v1/models"); r.code == 0 {
		t.Error("the application answers on the port that is not audited")
	}
	endAudit(t, sidecar)
	log := runContainer(t, "--volume="+volumes["audit-logs"]+":/audit:ro", "--entrypoint=cat", image("busybox"), "/audit/requests.jsonl").stdout
	hasAll(t, log, `"path":"/v1/models"`, `"status":200`, `"body":{"text":"an answer"}`, `"pod":{"name":"inference-audited","namespace":"default","node":"node-1"}`)
	if strings.Contains(log, "healthz") || strings.Contains(log, "s3cr3tvalue") {
		t.Errorf("the log has a probe, or a secret:\n%s", log)
	}
	if r := runContainer(t, "--volume="+volumes["audit-logs"]+":/audit:ro", tag, "sidecar", "audit", "verify", "/audit/requests.jsonl"); r.code != 0 {
		t.Errorf("verify: %+v", r)
	}
}

// startAgent starts the application of the example: its answers are files.
func startAgent(t *testing.T, network string) {
	t.Helper()
	www := sharedDir(t)
	for name, content := range map[string]string{"v1/models": `{"text":"an answer"}`, "healthz": "fine", "httpd.conf": "I:models\n.models:application/json\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(www, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeMode(t, filepath.Join(www, name), content, 0o644)
	}
	startContainer(t, network, "--volume="+www+":/www:ro", "--entrypoint=busybox", image("busybox"), "httpd", "-f", "-p", "127.0.0.1:8000", "-h", "/www", "-c", "/www/httpd.conf")
}

// wget sends a request from another container of the network.
func wget(t *testing.T, network, url string) result {
	t.Helper()
	return runContainer(t, "--network="+network, "--entrypoint=busybox", image("busybox"), "wget", "-q", "-O", "-", url)
}

func ask(t *testing.T, network, url, want string) {
	t.Helper()
	poll(t, time.Minute, func(context.Context) error { // the application starts
		if r := wget(t, network, url); r.code != 0 || !strings.Contains(r.stdout, want) { //nolint:contextcheck // the cleanup has its own
			return fmt.Errorf("%s: %+v", url, r)
		}
		return nil
	})
}

// endAudit sends SIGTERM to the sidecar, as the kubelet does once the application has ended.
func endAudit(t *testing.T, sidecar string) {
	t.Helper()
	mustDocker(t.Context(), t, "kill", "--signal=TERM", sidecar)
	if r := endOf(t, sidecar); r.code != 0 || r.stdout != "" {
		t.Errorf("the sidecar ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestExampleComposeAudit runs the same in compose.
func TestExampleComposeAudit(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.audit.yaml")
	log := sharedDir(t)
	p.env = append(p.env, "AUDIT_DIR="+log, "AUDIT_PORT=0")
	p.compose(t, "up", "--detach")
	sidecar := p.waitContainer(t, "audit", "msg=listening")
	address := strings.TrimSpace(mustDocker(t.Context(), t, "port", sidecar, "8080/tcp"))
	poll(t, time.Minute, func(ctx context.Context) error {
		status, body := send(ctx, t, "http://"+address+"/", "")
		if status != http.StatusOK || !strings.Contains(body, "The application is up.") {
			return fmt.Errorf("status %d: %s", status, body)
		}
		return nil
	})
	endAudit(t, sidecar)
	hasAll(t, readFile(t, filepath.Join(log, "requests.jsonl")), `"status":200`, `"outcome":"ok"`, `"event":"stop"`)
}

// send sends a request, with a body unless it is "".
func send(ctx context.Context, t *testing.T, url, body string) (status int, answer string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// An auditContainer runs inith in a container of the host's network, before an application in the process of the test.
type auditContainer struct {
	name, address, ops string
}

func startAuditContainer(t *testing.T, upstream string, options []string, flags ...string) *auditContainer {
	t.Helper()
	a := &auditContainer{address: freeAddr(t), ops: freeAddr(t)}
	args := append(withInith("busybox", append(options, "--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")...),
		"sidecar", "audit", "--listen="+a.address, "--upstream="+upstream, "--ops-listen="+a.ops, "--log=/audit/requests.jsonl", "--level=request-response")
	a.name = startContainer(t, append(args, flags...)...)
	waitLog(t, a.name, "msg=listening")
	return a
}

func (a *auditContainer) ready(ctx context.Context, t *testing.T) bool {
	t.Helper()
	status, _ := send(ctx, t, "http://"+a.ops+"/readyz", "")
	return status == http.StatusOK
}

// end returns what became of it after SIGTERM.
func (a *auditContainer) end(t *testing.T) result {
	t.Helper()
	mustDocker(t.Context(), t, "kill", "--signal=TERM", a.name)
	return endOf(t, a.name)
}

// serveHTTP serves on loopback.
func serveHTTP(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// TestAuditVolumes has a volume that is read-only, and one that fills, under both policies.
func TestAuditVolumes(t *testing.T) {
	t.Parallel()
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"text":"`+strings.Repeat("word ", 10<<10)+`"}`)
	})
	for volume, options := range map[string][]string{
		"read-only": {"--volume=" + sharedDir(t) + ":/audit:ro"},
		"fills":     {"--mount=type=tmpfs,destination=/audit,tmpfs-size=1m,tmpfs-mode=1777"},
	} {
		for _, policy := range []string{"open", "closed"} {
			t.Run(volume+", "+policy, func(t *testing.T) {
				t.Parallel()
				a := startAuditContainer(t, app, options, "--min-free=100KiB", "--on-write-error="+policy)
				poll(t, time.Minute, func(ctx context.Context) error { // until the log cannot be written
					status, body := send(ctx, t, "http://"+a.address+"/", "")
					_, metrics := send(ctx, t, "http://"+a.ops+"/metrics", "")
					switch full := strings.Contains(metrics, "inith_audit_log_writable 0"); {
					case policy == "closed" && status == http.StatusServiceUnavailable && full && !a.ready(ctx, t):
						return nil
					case policy == "open" && status == http.StatusOK && full && a.ready(ctx, t) && !strings.Contains(metrics, "inith_audit_lost_records_total 0"):
						return nil
					case policy == "open" && status != http.StatusOK:
						t.Fatalf("status %d: %s", status, body)
					}
					return fmt.Errorf("status %d, metrics:\n%s", status, metrics)
				})
				if r := a.end(t); r.code != 1 || !strings.Contains(r.stderr, "log cannot be written") || !strings.Contains(r.stderr, "could not be written") {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

// TestAuditLogRemoved removes the file: the records go on in a new one, whose chain continues.
func TestAuditLogRemoved(t *testing.T) {
	t.Parallel()
	app := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	dir := sharedDir(t)
	log := filepath.Join(dir, "requests.jsonl")
	a := startAuditContainer(t, app, []string{"--volume=" + dir + ":/audit"}, "--min-free=1B")
	if status, body := send(t.Context(), t, "http://"+a.address+"/first", ""); status != http.StatusOK {
		t.Fatal(status, body)
	}
	poll(t, time.Minute, func(context.Context) error {
		if b, _ := os.ReadFile(log); !strings.Contains(string(b), "/first") {
			return errors.New("not recorded")
		}
		return nil
	})
	if err := os.Rename(log, log+".moved"); err != nil {
		t.Fatal(err)
	}
	poll(t, time.Minute, func(ctx context.Context) error {
		send(ctx, t, "http://"+a.address+"/second", "")
		if b, err := os.ReadFile(log); err != nil || !strings.Contains(string(b), "/second") {
			return errors.New("no new file")
		}
		return nil
	})
	if r := a.end(t); r.code != 0 {
		t.Errorf("%+v", r)
	}
	hasAll(t, readFile(t, log), `"event":"reopen"`, `"reason":"removed"`, `"event":"stop"`)
	args := append(withInith("busybox", "--volume="+dir+":/audit:ro"), "sidecar", "audit", "verify", "/audit/requests.jsonl", "/audit/requests.jsonl.moved")
	if r := runContainer(t, args...); r.code != 0 {
		t.Errorf("verify: %+v", r)
	}
}

// TestAuditLarge sends a gibibyte up and another one down, in a container with 64 MiB.
func TestAuditLarge(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body)
		w.Header().Set("X-Received", fmt.Sprint(n, " ", hex.EncodeToString(sum.Sum(nil))))
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = io.Copy(w, io.LimitReader(zeros{}, size))
	})
	dir := sharedDir(t)
	a := startAuditContainer(t, app, []string{"--memory=64m", "--memory-swap=64m", "--volume=" + dir + ":/audit"}, "--min-free=1B")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.address+"/", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, res.Body)
	_ = res.Body.Close()
	want := zeroSum(size)
	if err != nil || n != size || hexSum(sum) != want || res.Header.Get("X-Received") != fmt.Sprint(size, " ", want) {
		t.Errorf("the client got %d bytes, %v; the application %s", n, err, res.Header.Get("X-Received"))
	}
	if r := a.end(t); r.code != 0 {
		t.Errorf("%+v", r)
	}
	var record struct {
		Outcome           string
		Request, Response struct {
			Bytes  int64
			SHA256 string
		}
	}
	for line := range strings.Lines(readFile(t, filepath.Join(dir, "requests.jsonl"))) {
		if strings.Contains(line, `"event":"exchange"`) {
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
		}
	}
	if record.Outcome != "ok" || record.Request.Bytes != size || record.Request.SHA256 != want || record.Response.Bytes != size || record.Response.SHA256 != want {
		t.Errorf("recorded %+v", record)
	}
}

// zeros is /dev/zero.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func zeroSum(n int64) string {
	sum := sha256.New()
	_, _ = io.Copy(sum, io.LimitReader(zeros{}, n))
	return hexSum(sum)
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
