package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stockExporter builds statsd_exporter from its module, once for a run.
var stockExporter = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "statsd_exporter")
	out, err := exec.Command("go", "build", "-o", path, stockModule).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build statsd_exporter: %w\n%s", err, out)
	}
	return path, nil
})

// A metricsExporter is one that runs: ours, or the stock one.
type metricsExporter struct {
	name, udp, tcp, web, mapping string

	cmd *exec.Cmd
}

// exporters starts both with the same arguments.
func exporters(t *testing.T) []*metricsExporter {
	t.Helper()
	stock, err := stockExporter()
	if err != nil {
		t.Fatal(err)
	}
	return []*metricsExporter{startExporter(t, stock), startExporter(t, binary, "sidecar", "metrics")}
}

func startExporter(t *testing.T, argv ...string) *metricsExporter {
	t.Helper()
	e := &metricsExporter{
		name: filepath.Base(argv[0]), udp: freeAddress(t), tcp: freeAddress(t), web: freeAddress(t),
		mapping: filepath.Join(t.TempDir(), "mapping.yaml"),
	}
	if err := os.WriteFile(e.mapping, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--statsd.mapping-config=" + e.mapping, "--statsd.listen-udp=" + e.udp, "--statsd.listen-tcp=" + e.tcp, "--web.listen-address=" + e.web,
		"--web.enable-lifecycle", "--no-check-config", "--statsd.read-buffer=1048576", "--statsd.event-flush-interval=10ms", "--log.level=error",
	}
	e.cmd = exec.Command(argv[0], append(argv[1:], args...)...)
	var stderr strings.Builder
	e.cmd.Stderr = &stderr
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.cmd.Process.Signal(syscall.SIGTERM)
		if err := e.cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", e.name, err, stderr.String())
		}
	})
	poll(t, time.Minute, func(context.Context) error {
		_, err := e.scrape()
		return err
	})
	return e
}

// freeAddress returns an address on loopback where nothing listens, over UDP and TCP.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", l.Addr().String())
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free address")
	return ""
}

func (e *metricsExporter) scrape() (string, error) {
	resp, err := http.Get("http://" + e.web + "/metrics")
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return string(text), err
}

// send sends packets over UDP. It returns how many lines they have.
func (e *metricsExporter) send(t *testing.T, packets ...string) (lines int) {
	t.Helper()
	c, err := net.Dial("udp", e.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, p := range packets {
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		lines += 1 + strings.Count(p, "\n")
	}
	return lines
}

// serveTheSame waits until both have handled so many lines, and serve the same.
func serveTheSame(t *testing.T, both []*metricsExporter, lines int) {
	t.Helper()
	poll(t, time.Minute, func(context.Context) error {
		stock, ours := both[0].comparable(t), both[1].comparable(t)
		if diff := cmp.Diff(stock, ours); diff != "" {
			return fmt.Errorf("metrics (-stock +inith):\n%s", diff)
		}
		if !slices.Contains(stock, fmt.Sprintf("statsd_exporter_lines_total %d\n", lines)) {
			return errors.New("not all lines have been handled")
		}
		return nil
	})
}

// comparable returns what both have to serve alike: everything but what depends on the process, on when it was scraped,
// and on how often the mapping was looked up.
func (e *metricsExporter) comparable(t *testing.T) []string {
	t.Helper()
	text, err := e.scrape()
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"go_", "process_", "promhttp_", "inith_", "statsd_exporter_build_info", "statsd_metric_mapper_cache_", "statsd_exporter_event_queue_flushed_total", "statsd_exporter_config_reloads_total"}
	var kept []string
	for line := range strings.Lines(text) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if !slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			kept = append(kept, line)
		}
	}
	slices.Sort(kept)
	return kept
}

// TestMetricsOfStockTables replays the packets of statsd_exporter's own tests of lines and packets over the wire, three
// times, against the stock exporter and ours.
func TestMetricsOfStockTables(t *testing.T) {
	t.Parallel()
	tables := readStockTables(t)
	if len(tables.packets) < 200 {
		t.Fatalf("%d packets in the tables", len(tables.packets))
	}
	both := exporters(t)
	lines := 0
	for range 3 {
		for group := range slices.Chunk(tables.packets, 50) {
			for _, e := range both {
				n := e.send(t, group...)
				if e == both[0] {
					lines += n
				}
			}
			serveTheSame(t, both, lines)
		}
	}
	t.Logf("%d packets, %d lines of metrics", 3*len(tables.packets), len(both[0].comparable(t)))
}

// TestMetricsOfStockMappings loads the mapping files of statsd_exporter's own tests one after another, and sends what
// these map.
func TestMetricsOfStockMappings(t *testing.T) {
	t.Parallel()
	tables := readStockTables(t)
	if len(tables.mappings) < 50 {
		t.Fatalf("%d mappings in the table", len(tables.mappings))
	}
	both := exporters(t)
	lines, refused := 0, 0
	for _, m := range tables.mappings {
		for _, e := range both {
			if err := os.WriteFile(e.mapping, []byte(m.config), 0o600); err != nil {
				t.Fatal(err)
			}
			before := e.failures(t)
			resp, err := http.Post("http://"+e.web+"/-/reload", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if failed := e.failures(t) > before; failed != m.bad {
				t.Errorf("%s: the mapping is refused: %v, want %v\n%s", e.name, failed, m.bad, m.config)
			}
			e.send(t, m.lines...)
		}
		lines += len(m.lines)
		if m.bad {
			refused++
		}
		serveTheSame(t, both, lines)
	}
	t.Logf("%d mappings, %d of them refused, %d lines", len(tables.mappings), refused, lines)
}

// failures returns how many reloads have failed.
func (e *metricsExporter) failures(t *testing.T) int {
	t.Helper()
	text, err := e.scrape()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	_, rest, found := strings.Cut(text, `statsd_exporter_config_reloads_total{outcome="failure"} `)
	if found {
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestStockExporterDies sends the stock exporter what ends it, and what makes its metrics unreadable: were it not so,
// sockets of our own would need another reason.
func TestStockExporterDies(t *testing.T) {
	t.Parallel()
	stock, err := stockExporter()
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range []string{"a]b[:1|c", "t:1|ms|#quantile:0.5", "go_goroutines:1|g"} {
		web, udp := freeAddress(t), freeAddress(t)
		cmd := exec.Command(stock, "--statsd.listen-udp="+udp, "--statsd.listen-tcp=", "--web.listen-address="+web, "--statsd.event-flush-interval=10ms", "--log.level=error")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		e := &metricsExporter{web: web}
		poll(t, time.Minute, func(context.Context) error { _, err := e.scrape(); return err })
		c, err := net.Dial("udp", udp)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(packet))
		_ = c.Close()
		poll(t, time.Minute, func(context.Context) error {
			if _, err := e.scrape(); err == nil {
				return fmt.Errorf("%s: the stock exporter still serves", packet)
			}
			return nil
		})
		_ = cmd.Process.Kill()
		<-ended
	}
}

// TestMetricsPromtool has promtool read what is served. It finds nothing that it does not find at the stock exporter, whose
// names are kept, and nothing in names of inith.
func TestMetricsPromtool(t *testing.T) {
	t.Parallel()
	both := exporters(t)
	lines := 0
	for _, e := range both {
		lines = e.send(t, "requests_total:1|c|#route:a", "request_seconds:12|ms|#route:a", "depth:3|g")
	}
	serveTheSame(t, both, lines)
	var found [][]string
	for _, e := range both {
		text, err := e.scrape()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--interactive", "--network=none", "--name="+newName(), "--entrypoint=promtool", image("prometheus"), "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		const onlyStyle = 3
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != onlyStyle) {
			t.Errorf("%s: %v\n%s", e.name, err, out)
		}
		found = append(found, strings.Split(strings.TrimSpace(string(out)), "\n"))
	}
	for _, line := range found[1] {
		if strings.HasPrefix(line, "inith_") || !slices.Contains(found[0], line) {
			t.Errorf("promtool: %s", line)
		}
	}
}

// TestExampleComposeMetrics has Prometheus scrape the sidecar of an application, and once more after its end has begun.
func TestExampleComposeMetrics(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.metrics.yaml")
	address := freeAddress(t)
	p.env = append(p.env, "PROMETHEUS_ADDRESS="+address, "TEST_IMAGE_PROMETHEUS="+image("prometheus"))
	p.compose(t, "up", "--detach")
	query := "http://" + address + "/api/v1/query?query=agent_requests_total%7Broute%3D%22home%22%7D%3E2"
	poll(t, 5*time.Minute, func(context.Context) error {
		resp, err := http.Get(query)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), `"route":"home"`) {
			err = fmt.Errorf("Prometheus has %s", text)
		}
		return err
	})
	sidecar := p.container(t.Context(), t, "metrics")
	p.compose(t, "stop", "--timeout=60", "metrics")
	r := endOf(t, sidecar)
	if r.code != 0 || !strings.Contains(r.stderr, "waiting for a scrape") || strings.Contains(r.stderr, "nobody has scraped") {
		t.Errorf("code %d, %s", r.code, r.stderr)
	}
}

// TestExampleMetrics runs the sidecar of metrics.yaml, with the arguments of statsd_exporter's manifest alone too.
func TestExampleMetrics(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	for name, tt := range map[string]struct {
		args    int // of the container's that are kept; zero: all
		port    string
		lingers bool
	}{
		"example": {0, "9090", true},
		"seed":    {1, "9102", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := manifest(t, filepath.Join(kubernetesDir, "metrics.yaml"))
			pod, ok := podOf(objects[0])
			if !ok {
				t.Fatal("the first object is no Pod")
			}
			c := *pod.Spec.InitContainers[0].DeepCopy()
			if tt.args > 0 {
				c.Args = c.Args[:tt.args]
			}
			volumes := volumesOf(t, pod, objects)
			id := startContainer(t, kubelet(t, pod, c, volumes, tag, "--network=none")...)
			get := func(path string) func(ctx context.Context) error {
				return func(ctx context.Context) error {
					r := runDocker(ctx, t, nil, "exec", id, "/inith", "wait", "--once", "http://127.0.0.1:"+tt.port+path)
					if r.code != 0 {
						return errors.New(r.stderr)
					}
					return nil
				}
			}
			poll(t, time.Minute, get("/-/ready"))
			if mapping := volumes["statsd-config"]; mapping != "" {
				writeMode(t, filepath.Join(mapping, "mapping.yaml"), "mappings: []\n", 0o644)
				waitLog(t, id, "mapping loaded")
			}
			mustDocker(t.Context(), t, "kill", "--signal=TERM", id)
			if tt.lingers {
				waitLog(t, id, "waiting for a scrape")
				poll(t, time.Minute, get("/metrics"))
			}
			if r := endOf(t, id); r.code != 0 || strings.Contains(r.stderr, "nobody has scraped") {
				t.Errorf("code %d, %s", r.code, r.stderr)
			}
		})
	}
}
