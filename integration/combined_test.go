package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestExampleCombined runs the three sidecars of combined.yaml in the network of one Pod. A request, a log line and a packet
// of statsd reach the audit log, the aggregator and /metrics. Then the sidecars are terminated in the order of a kubelet.
func TestExampleCombined(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "combined.yaml"))
	pod, ok := podOf(objects[0])
	if !ok {
		t.Fatal("the first object is no Pod")
	}
	volumes, network := volumesOf(t, pod, objects), newNetwork(t)
	aggregator := startContainer(t, "--network="+network.Name, "--network-alias=fluentd-aggregator", "--volume="+program(t, "fluentserver")+":/fluentserver:ro",
		"--entrypoint=/fluentserver", image("busybox"))
	sandbox := startContainer(t, "--network="+network.Name, "--network-alias=pod", "--publish=127.0.0.1::9125/udp", "--entrypoint=busybox", image("busybox"), "sleep", "1d")
	inPod := "--network=container:" + sandbox

	var sidecars []string
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			continue // the download, whose arguments name no real server
		}
		sidecars = append(sidecars, startContainer(t, kubelet(t, pod, c, volumes, tag, inPod)...))
	}
	if len(sidecars) != 3 {
		t.Fatalf("%d sidecars, want 3", len(sidecars))
	}
	logs, metrics, audit := sidecars[0], sidecars[1], sidecars[2]
	for _, url := range []string{"http://127.0.0.1:9602/readyz", "http://127.0.0.1:9090/-/ready", "http://127.0.0.1:9601/readyz"} {
		poll(t, time.Minute, func(ctx context.Context) error {
			if r := runDocker(ctx, t, nil, "exec", metrics, "/inith", "wait", "--once", url); r.code != 0 {
				return errors.New(r.stderr)
			}
			return nil
		})
	}

	startAgent(t, inPod)
	ask(t, network.Name, "http://pod:8080/v1/models", "an answer")
	r := runContainer(t, "--user=65532", "--volume="+volumes["logs"]+":/var/log/agent", "--entrypoint=busybox", image("busybox"),
		"sh", "-c", "echo a line >> /var/log/agent/requests.log")
	if r.code != 0 {
		t.Fatalf("the application cannot write its log: %+v", r)
	}
	sendPacket(t, strings.TrimSpace(mustDocker(t.Context(), t, "port", sandbox, "9125/udp")), "agent_requests:3|c")
	scrape := func(context.Context) error {
		if r := wget(t, network.Name, "http://pod:9090/metrics"); !strings.Contains(r.stdout, "agent_requests 3\n") { //nolint:contextcheck // the cleanup has its own
			return fmt.Errorf("/metrics: %+v", r)
		}
		return nil
	}
	poll(t, time.Minute, scrape)
	waitLog(t, aggregator, "var.log.agent.requests.log a line")

	endAudit(t, audit)
	mustDocker(t.Context(), t, "kill", "--signal=TERM", metrics)
	waitLog(t, metrics, "waiting for a scrape")
	poll(t, time.Minute, scrape)
	mustDocker(t.Context(), t, "kill", "--signal=TERM", logs)
	for name, id := range map[string]string{"metrics": metrics, "logs": logs} {
		if r := endOf(t, id); r.code != 0 || r.stdout != "" {
			t.Errorf("%s: got %+v, want code 0 and nothing on stdout", name, r)
		}
	}
	log := runContainer(t, "--volume="+volumes["audit-logs"]+":/audit:ro", "--entrypoint=cat", image("busybox"), "/audit/requests.jsonl").stdout
	hasAll(t, log, `"path":"/v1/models"`, `"status":200`, `"event":"stop"`)
}

// sendPacket sends a datagram.
func sendPacket(t *testing.T, address, text string) {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}
