package explain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/lint/explain"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// one explains the only Pod of an input.
func one(t *testing.T, input string) explain.Explanation {
	t.Helper()
	all, err := explain.Explain([]byte(input), now)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d, %v: %s", len(all), err, input)
	}
	return all[0]
}

// initPod is a Pod with the init containers "first" and "second", and the application "app". The status is that of the
// first; the others wait.
func initPod(image, state string) string {
	return fmt.Sprintf(`{"kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop"},
		"spec": {"initContainers": [{"name": "first", "image": %q}, {"name": "second", "image": "x:1"}], "containers": [{"name": "app", "image": "app:1"}]},
		"status": {"phase": "Pending", "initContainerStatuses": [{"name": "first", %s}, {"name": "second", "state": {"waiting": {"reason": "PodInitializing"}}}],
			"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]}}`, image, state)
}

// appPod is a Pod with one container.
func appPod(state string) string {
	return fmt.Sprintf(`{"kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop"},
		"spec": {"containers": [{"name": "app", "image": "app:1"}]},
		"status": {"phase": "Running", "containerStatuses": [{"name": "app", %s}]}}`, state)
}

func waiting(reason, message string) string {
	b, _ := json.Marshal(map[string]any{"waiting": map[string]string{"reason": reason, "message": message}})
	return `"state": ` + string(b)
}

func crashed(code int, reason, message string) string {
	b, _ := json.Marshal(map[string]any{"terminated": map[string]any{"exitCode": code, "reason": reason, "message": message}})
	return waiting("CrashLoopBackOff", "back-off 40s restarting failed container") + `, "restartCount": 3, "lastState": ` + string(b)
}

// TestCauses has every cause, most of them at an init container.
func TestCauses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ input, status, why, fix string }{
		{initPod("x:1", waiting("ImagePullBackOff", `rpc error: code = NotFound desc = failed to pull: docker.io/x:1: not found`)), "Init:ImagePullBackOff", "does not exist", "correct the name"},
		{initPod("x:1", waiting("ErrImagePull", `pull access denied, repository does not exist or may require authorization`)), "Init:ErrImagePull", "does not exist", "correct"},
		{initPod("x:1", waiting("ErrImagePull", `401 Unauthorized`)), "Init:ErrImagePull", "refuses the login", "imagePullSecrets"},
		{initPod("x:1", waiting("ErrImagePull", `toomanyrequests: You have reached your pull rate limit`)), "Init:ErrImagePull", "limits the rate", "mirror"},
		{initPod("x:1", waiting("ErrImagePull", `dial tcp: lookup registry.local: no such host`)), "Init:ErrImagePull", "does not reach", "DNS"},
		{initPod("x:1", waiting("ErrImagePull", `something else`)), "Init:ErrImagePull", "cannot be pulled", "kubelet"},
		{initPod("X", waiting("InvalidImageName", `couldn't parse image name`)), "Init:InvalidImageName", "is invalid", "lower case"},
		{initPod("x:1", waiting("ErrImageNeverPull", ``)), "Init:ErrImageNeverPull", "not on the node", "IfNotPresent"},
		{initPod("x:1", waiting("CreateContainerConfigError", `configmap "app" not found`)), "Init:CreateContainerConfigError", "ConfigMap", "create it"},
		{initPod("x:1", waiting("CreateContainerConfigError", `couldn't find key url in Secret shop/db`)), "Init:CreateContainerConfigError", "Secret", "create it"},
		{initPod("x:1", waiting("CreateContainerConfigError", `container has runAsNonRoot and image has non-numeric user (app)`)), "Init:CreateContainerConfigError", "runAsNonRoot", "runAsUser"},
		{initPod("x:1", waiting("CreateContainerError", `context deadline exceeded`)), "Init:CreateContainerError", "cannot be created", "kubelet"},
		{initPod("x:1", waiting("RunContainerError", `exec: "sh": executable file not found in $PATH`)), "Init:RunContainerError", "does not exist in the image", "no sh"},
		{initPod("x:1", waiting("RunContainerError", `exec: "/app": permission denied`)), "Init:RunContainerError", "not executable", "mode"},
		{initPod("x:1", waiting("RunContainerError", `cgroup`)), "Init:RunContainerError", "cannot be started", "runtime"},
		{initPod("x:1", crashed(137, "OOMKilled", "")), "Init:CrashLoopBackOff", "more memory", "limits.memory"},
		{initPod("reg/inith:v1", crashed(2, "Error", "inith: error: unknown option")), "Init:CrashLoopBackOff", "wrong options", "no restart helps"},
		{initPod("inith@sha256:1", crashed(3, "Error", "inith: error: sha256 differs")), "Init:CrashLoopBackOff", "not what was asked", "digest"},
		{initPod("inith", crashed(124, "Error", "inith: error: redis://cache is not ready")), "Init:CrashLoopBackOff", "time limit", "raise --timeout"},
		{appPod(crashed(1, "Error", "listen tcp :9090: bind: address already in use")), "CrashLoopBackOff", "same port", "another port"},
		{initPod("inith", crashed(1, "Error", "inith: error: open /data/x: permission denied")), "Init:CrashLoopBackOff", "may not read or write", "fsGroup"},
		{appPod(crashed(1, "Error", "open /var/log/x: read-only file system")), "CrashLoopBackOff", "read-only", "mount a volume"},
		{appPod(crashed(1, "Error", "write /data/x: no space left on device")), "CrashLoopBackOff", "is full", "sizeLimit"},
		{initPod("inith", crashed(1, "Error", "inith: error: x")), "Init:CrashLoopBackOff", "inith failed", "names the cause"},
		{initPod("inith", crashed(70, "Error", "")), "Init:CrashLoopBackOff", "crashed", "report"},
		{initPod("x:1", crashed(137, "Error", "")), "Init:CrashLoopBackOff", "was killed", "Grace"},
		{initPod("x:1", crashed(143, "Error", "")), "Init:CrashLoopBackOff", "SIGTERM", "eviction"},
		{initPod("x:1", crashed(139, "Error", "")), "Init:CrashLoopBackOff", "SIGSEGV", "architecture"},
		{initPod("x:1", crashed(126, "Error", "")), "Init:CrashLoopBackOff", "cannot be executed", "interpreter"},
		{initPod("x:1", crashed(127, "Error", "")), "Init:CrashLoopBackOff", "not found", "PATH"},
		{initPod("x:1", `"state": {"terminated": {"exitCode": 1, "reason": "Error"}}`), "Init:Error", "the program failed", "log"},
		{initPod("x:1", `"state": {"terminated": {"exitCode": 7}}`), "Init:ExitCode:7", "the program failed", "log"},
		{initPod("x:1", `"state": {"terminated": {"exitCode": 137, "signal": 9}}`), "Init:Signal:9", "was killed", "Grace"},
		{initPod("x:1", `"state": {"running": {"startedAt": "2026-01-01T11:55:00Z"}}`), "Init:0/2", "still runs", "sidecar"},
		{initPod("inith", `"state": {"running": {"startedAt": "2026-01-01T11:55:00Z"}}`), "Init:0/2", "still works", "its log"},
		{appPod(crashed(0, "Completed", "")), "CrashLoopBackOff", "exits although", "foreground"},
		{appPod(crashed(1, "Error", "")), "CrashLoopBackOff", "the program failed", "log"},
		{appPod(`"ready": false, "state": {"running": {"startedAt": "2026-01-01T11:55:00Z"}}`), "Running", "not ready yet", "readinessProbe"},
	} {
		e := one(t, test.input)
		if len(e.Causes) != 1 || !strings.Contains(e.Causes[0].Why, test.why) || !strings.Contains(e.Causes[0].Fix, test.fix) {
			t.Errorf("%+v, want %q and %q:\n%s", e.Causes, test.why, test.fix, test.input)
			continue
		}
		if c := e.Causes[0]; e.Status != test.status || len(c.Commands) != 1 || !strings.Contains(c.Commands[0], "web-0 -n shop") {
			t.Errorf("status %q, commands %q, want %q", e.Status, c.Commands, test.status)
		}
	}
}

// TestPod has what concerns the Pod as a whole, and Events.
func TestPod(t *testing.T) {
	t.Parallel()
	pending := `{"kind": "Pod", "metadata": {"name": "web-0"}, "spec": {"containers": [{"name": "app"}]},
		"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": %q}]}}`
	list := `{"kind": "List", "items": [%s, {"kind": "Event", "metadata": {"name": "e"}, "reason": %q, "message": %q, "involvedObject": {"name": "web-0", "namespace": "shop"}}]}`
	creating := appPod(waiting("ContainerCreating", ""))
	for _, test := range []struct{ input, status, state, why string }{
		{fmt.Sprintf(pending, "0/3 nodes are available: 3 Insufficient memory."), "Pending", "Unschedulable", "resources"},
		{fmt.Sprintf(pending, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."), "Pending", "Unschedulable", "claim"},
		{fmt.Sprintf(pending, "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}."), "Pending", "Unschedulable", "taints"},
		{fmt.Sprintf(pending, "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."), "Pending", "Unschedulable", "selector"},
		{fmt.Sprintf(pending, "no nodes available"), "Pending", "Unschedulable", "no node"},
		{`{"kind": "Pod", "metadata": {"name": "a"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}`, "Evicted", "Evicted", "too little"},
		{`{"kind": "Pod", "metadata": {"name": "a"}, "status": {"phase": "Failed", "reason": "DeadlineExceeded"}}`, "DeadlineExceeded", "DeadlineExceeded", "activeDeadlineSeconds"},
		{fmt.Sprintf(list, creating, "FailedMount", `MountVolume.SetUp failed for volume "config": configmap "app" not found`), "ContainerCreating", "FailedMount", "cannot be mounted"},
		{fmt.Sprintf(list, creating, "FailedCreatePodSandBox", "cni"), "ContainerCreating", "FailedCreatePodSandBox", "network"},
		{fmt.Sprintf(list, appPod(`"state": {"running": {}}`), "Unhealthy", "Readiness probe failed: 503"), "Running", "NotReady", "a probe fails"},
		{fmt.Sprintf(list, appPod(crashed(137, "Error", "")), "Unhealthy", "Liveness probe failed: timeout"), "CrashLoopBackOff", "CrashLoopBackOff", "liveness"},
	} {
		e := one(t, test.input)
		if len(e.Causes) != 1 || e.Status != test.status || e.Causes[0].State != test.state || !strings.Contains(e.Causes[0].Why, test.why) {
			t.Errorf("%q %+v, want %q %q %q:\n%s", e.Status, e.Causes, test.status, test.state, test.why, test.input)
		}
	}
}

// TestNothingWrong has Pods that run, have ended, or are being deleted.
func TestNothingWrong(t *testing.T) {
	t.Parallel()
	for input, status := range map[string]string{
		appPod(`"ready": true, "state": {"running": {"startedAt": "2026-01-01T11:55:00Z"}}`): "Running",
		`{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Succeeded",
			"containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}`: "Completed",
		`{"kind": "Pod", "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T11:55:00Z"}, "status": {"phase": "Running"}}`: "Terminating",
		`{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}], "containers": [{"name": "a"}]},
			"status": {"phase": "Running", "initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
			{"name": "s", "started": true, "ready": true, "state": {"running": {}}}], "containerStatuses": [{"name": "a", "ready": true, "state": {"running": {}}}]}}`: "Running",
	} {
		if e := one(t, input); e.Status != status || len(e.Causes) > 0 && status != "Completed" {
			t.Errorf("%q, %+v, want %q", e.Status, e.Causes, status)
		}
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	e := one(t, `{"kind": "Pod", "metadata": {"name": "a", "creationTimestamp": "2026-01-01T11:00:00Z"},
		"spec": {"initContainers": [{"name": "wait"}, {"name": "fetch"}], "containers": [{"name": "app"}]},
		"status": {"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T11:00:01Z"},
			{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T11:05:00Z"}],
		"initContainerStatuses": [
			{"name": "wait", "state": {"terminated": {"exitCode": 0, "startedAt": "2026-01-01T11:00:02Z", "finishedAt": "2026-01-01T11:00:05Z"}}},
			{"name": "fetch", "state": {"terminated": {"exitCode": 0, "startedAt": "2026-01-01T11:00:06Z", "finishedAt": "2026-01-01T11:04:06Z"}}}],
		"containerStatuses": [{"name": "app", "ready": true, "state": {"running": {"startedAt": "2026-01-01T11:04:07Z"}}}]}}`)
	var got []string
	for _, s := range e.Timeline {
		got = append(got, fmt.Sprintf("%s %v %v", s.What, s.Took, s.Slowest))
	}
	want := "[scheduled 1s false init container wait 3s false init container fetch 4m0s true container app started 0s false ready 0s false]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	running := one(t, initPod("x", `"state": {"running": {"startedAt": "2026-01-01T11:50:00Z"}}`)).Timeline
	if len(running) != 1 || running[0].Took != -10*time.Minute || !running[0].Slowest {
		t.Errorf("%+v, want one that runs for 10m", running)
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"", "x", "[]", "{}", `{"kind": "Service"}`, `{"kind": "List", "items": [1]}`, `{"kind": "Pod", "status": 1}`} {
		if all, err := explain.Explain([]byte(input), now); err == nil {
			t.Errorf("%q: %v", input, all)
		}
	}
	if _, err := explain.Explain([]byte(`{"kind": "List", "items": []}`), now); !errors.Is(err, explain.ErrNoPod) {
		t.Errorf("got %v", err)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(initPod("x:1", crashed(1, "Error", "x"))))
	f.Add([]byte(appPod(waiting("ContainerCreating", ""))))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = explain.Explain(data, now) })
}
