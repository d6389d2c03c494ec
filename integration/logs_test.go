package integration_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/inith/inith/integration/internal/telemetry"
	"github.com/inith/inith/internal/testing/logstorm"
)

// TestLogsToOpenTelemetry sends to the receiver of OpenTelemetry while files are rotated in every way, the receiver comes
// and goes, and `inith sidecar logs` is killed.
func TestLogsToOpenTelemetry(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"plain": nil, "gzip": {"--compress", "gzip"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logstorm.Run(t, logstorm.Options{Inith: binary, Receiver: &collecting{address: freeAddr(t)}, Lines: 20_000, Kills: 5, Flags: flags})
		})
	}
}

// A collecting receiver keeps the lines.
type collecting struct {
	address     string
	running     receiver.Logs
	connections atomic.Int64

	mu    sync.Mutex
	lines []string
}

func (c *collecting) Start() (err error) {
	c.running, err = telemetry.Start(context.Background(), c.address, &c.connections, func(r plog.LogRecord) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lines = append(c.lines, strings.Clone(r.Body().Str()))
	})
	return err
}

func (c *collecting) Stop()           { _ = c.running.Shutdown(context.Background()) }
func (c *collecting) Address() string { return c.address }

func (c *collecting) Received() (lines []string, connections int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines, int(c.connections.Load())
}

// TestExampleLogs runs the sidecar of the Pod as its manifest says, with an aggregator that is not there at first.
func TestExampleLogs(t *testing.T) {
	t.Parallel()
	objects := manifest(t, kubernetesDir+"/logs.yaml")
	pod, _ := podOf(objects[0])
	config, ok := objects[1].(*corev1.ConfigMap)
	if !ok {
		t.Fatalf("%T is no ConfigMap", objects[1])
	}
	for _, o := range manifest(t, "../lint/testdata/seed/08-pattern-1-logging-sidecar.yaml") {
		if seed, ok := o.(*corev1.ConfigMap); ok {
			if diff := cmp.Diff(seed.Data, config.Data); diff != "" {
				t.Errorf("the configuration was changed (-seed +example):\n%s", diff)
			}
		}
	}
	network := newName()
	mustDocker(t.Context(), t, "network", "create", network)
	t.Cleanup(func() { cleanup(t, "network", "rm", network) })
	logs := sharedDir(t)
	c := pod.Spec.InitContainers[0]
	args := append(strict(),
		"--network="+network, "--env=POD_NAME=agent-1",
		"--volume="+logs+":"+c.VolumeMounts[0].MountPath,
		"--volume="+writeFile(t, "fluent-bit.conf", config.Data["fluent-bit.conf"], 0o644)+":"+c.VolumeMounts[1].MountPath+"/fluent-bit.conf:ro",
		buildInith(t))
	sidecar := startContainer(t, append(args, c.Args...)...)
	writeMode(t, logs+"/requests.log", "one\ntwo\n", 0o644)
	waitLog(t, sidecar, "msg=following path=/var/log/agent/requests.log", `msg="not delivered, trying again" receiver=fluentd-aggregator:24224`)
	mustDocker(t.Context(), t, append([]string{"exec", sidecar}, c.StartupProbe.Exec.Command...)...)

	aggregator := startContainer(t, "--network="+network, "--network-alias=fluentd-aggregator", "--volume="+program(t, "fluentserver")+":/fluentserver:ro",
		"--entrypoint=/fluentserver", image("busybox"))
	waitLog(t, aggregator, "agent.var.log.agent.requests.log one", "agent.var.log.agent.requests.log two", "pod_name:agent-1")
	writeMode(t, logs+"/other.log", "half", 0o644)
	mustDocker(t.Context(), t, "stop", "--time=60", sidecar)
	if r := endOf(t, sidecar); r.code != 0 || r.stdout != "" {
		t.Errorf("got %+v, want code 0 and nothing on stdout", r)
	}
	waitLog(t, aggregator, "agent.var.log.agent.other.log half")
}

// TestExampleComposeLogs stops the application and the sidecar at the same time: the last line arrives.
func TestExampleComposeLogs(t *testing.T) {
	t.Parallel()
	p := newProject(t, "compose.logs.yaml", "testdata/compose/fluent.yaml")
	p.env = append(p.env, "FLUENTSERVER="+program(t, "fluentserver"))
	p.compose(t, "up", "--detach")
	aggregator := p.waitContainer(t, "fluentd-aggregator", "app hello")
	p.compose(t, "stop", "app", "logs")
	waitLog(t, aggregator, "app bye")
	if r := endOf(t, p.container(t.Context(), t, "logs")); r.code != 0 {
		t.Errorf("got %+v, want code 0", r)
	}
}
