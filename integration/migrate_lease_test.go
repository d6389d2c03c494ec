package integration_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/inith/inith/internal/testing/apiserver"
)

// serviceAccount is where a Pod has what it needs for its API server.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// startAPIServer returns the folder of a service account, and the options of docker
// run that a kubelet gives a container for the server.
func startAPIServer(t *testing.T, s *apiserver.Server) (account string, options []string) {
	t.Helper()
	s.Token = password
	files, env, stop := s.Start()
	t.Cleanup(stop)
	account = sharedDir(t)
	for name, content := range files {
		writeMode(t, filepath.Join(account, name), content, 0o644)
	}
	options = []string{"--network=host"}
	for _, variable := range env {
		options = append(options, "--env="+variable)
	}
	return account, options
}

// A leaseTest is a server with a Lease for commands that share a folder.
type leaseTest struct {
	down    atomic.Bool // the server
	options []string    // of docker run
	shared  string
}

func newLeaseTest(t *testing.T) *leaseTest {
	t.Helper()
	l := &leaseTest{shared: sharedDir(t)}
	account, options := startAPIServer(t, &apiserver.Server{Fault: func(*http.Request) apiserver.Fault {
		if l.down.Load() {
			return apiserver.Down
		}
		return apiserver.None
	}})
	l.options = append(options, "--volume="+account+":"+serviceAccount+":ro", "--volume="+l.shared+":/shared")
	return l
}

func (l *leaseTest) replica(lease, script string) []string {
	return append(withInith("busybox", l.options...),
		"migrate", "--lock=k8s:///"+lease, "--grace=1s", "--lock-timeout=1m", "--", "sh", "-c", script)
}

// leaseTicking is a command that shows that it lives; leaseListening fails if it does.
const (
	leaseTicking   = `while :; do echo >>/shared/alive; sleep 0.1; done`
	leaseListening = `before=$(wc -c </shared/alive); sleep 1; test $before = $(wc -c </shared/alive) || exit 42`
)

// start starts a holder, and shows that a replica without the lock meets it.
func (l *leaseTest) start(t *testing.T) (name string) {
	t.Helper()
	name = startContainer(t, l.replica("migrate", leaseTicking)...)
	poll(t, 5*time.Minute, func(context.Context) error { _, err := os.Stat(filepath.Join(l.shared, "alive")); return err })
	if r := runContainer(t, l.replica("sabotaged", leaseListening)...); r.code != 42 {
		t.Fatalf("a replica with another lock: %+v, want code 42", r)
	}
	return name
}

// succeed takes the lock from the holder, whose command must not be at work any more.
func (l *leaseTest) succeed(t *testing.T) {
	t.Helper()
	r := runContainer(t, l.replica("migrate", leaseListening)...)
	if r.code != 0 {
		t.Errorf("the successor: %+v", r)
	}
	hasNoSecret(t, r.stderr)
}

func (l *leaseTest) ticks(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.shared, "alive"))
	if err != nil {
		t.Fatal(err)
	}
	return len(b)
}

func TestMigrateLeaseHolder(t *testing.T) {
	t.Parallel()
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		l := newLeaseTest(t)
		mustDocker(t.Context(), t, "kill", "--signal=KILL", l.start(t))
		l.succeed(t)
	})
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		l := newLeaseTest(t)
		holder := l.start(t)
		l.down.Store(true)
		r := endOf(t, holder)
		if r.code != 1 || strings.Contains(r.stderr, "s3cret") {
			t.Errorf("got %+v, want code 1, and nothing of the server's text", r)
		}
		hasAll(t, r.stderr, "error: the lock k8s:///migrate was lost, and the command does not run without it: not renewed for ", "the API server answers with status 503")
		l.down.Store(false)
		l.succeed(t)
	})
	t.Run("frozen", func(t *testing.T) {
		t.Parallel()
		l := newLeaseTest(t)
		holder := l.start(t)
		mustDocker(t.Context(), t, "pause", holder)
		l.succeed(t)
		before := l.ticks(t)
		mustDocker(t.Context(), t, "unpause", holder)
		r := endOf(t, holder)
		if n := l.ticks(t) - before; r.code != 1 || n > 2 {
			t.Errorf("thawed: its command has ticked %d times, want 2 at most; %+v, want code 1", n, r)
		}
		hasAll(t, r.stderr, "this process was frozen for longer than the lease lasts")
	})
}

// TestExampleMigrateLease runs migrate-lease.yaml: three replicas of the container that
// migrates, which may do with Leases what its Role says.
func TestExampleMigrateLease(t *testing.T) {
	t.Parallel()
	objects := manifest(t, filepath.Join(kubernetesDir, "migrate-lease.yaml"))
	var pod *corev1.PodTemplateSpec
	var role *rbacv1.Role
	for _, o := range objects {
		if p, ok := podOf(o); ok {
			pod = p
		}
		if r, ok := o.(*rbacv1.Role); ok {
			role = r
		}
	}
	if pod == nil || role == nil || len(pod.Spec.InitContainers) != 2 {
		t.Fatal("migrate-lease.yaml has no Role and Pod with two init containers")
	}
	install, migrates := pod.Spec.InitContainers[0], pod.Spec.InitContainers[1]
	for _, m := range slices.Concat(install.VolumeMounts, pod.Spec.Containers[0].VolumeMounts) {
		if m.MountPath == serviceAccount {
			t.Error("another container than the one that migrates gets a token")
		}
	}
	var refused atomic.Int64
	account, options := startAPIServer(t, &apiserver.Server{Deny: func(r apiserver.Request) bool {
		allowed := allows(role.Rules, r)
		if !allowed {
			refused.Add(1)
		}
		return !allowed
	}})
	volumes := map[string]string{"inith-bin": newVolume(t), "kube-api-access": account}
	if r := runContainer(t, kubelet(t, pod, install, volumes, buildInith(t), "--network=none")...); r.code != 0 {
		t.Fatalf("install: %+v", r)
	}
	shared := sharedDir(t)
	migrator := writeFile(t, "migrate", "#!/bin/sh\nmkdir /shared/busy || exit 42\nsleep 0.5\necho >>/shared/done\nrmdir /shared/busy\n", 0o755)
	options = append(options, "--volume="+shared+":/shared", "--volume="+migrator+":/app/migrate:ro")
	var names []string
	for range 3 {
		names = append(names, startContainer(t, kubelet(t, pod, migrates, volumes, image("busybox"), options...)...))
	}
	for _, name := range names {
		r := endOf(t, name)
		if r.code != 0 {
			t.Errorf("got %+v, want code 0", r)
		}
		hasNoSecret(t, r.stderr)
	}
	if b, err := os.ReadFile(filepath.Join(shared, "done")); len(b) != 3 || refused.Load() > 0 {
		t.Errorf("%d migrations, %d requests refused, %v; want 3 and none", len(b), refused.Load(), err)
	}
}

// allows reports whether rules allow a request.
func allows(rules []rbacv1.PolicyRule, r apiserver.Request) bool {
	for _, rule := range rules {
		if slices.Contains(rule.APIGroups, r.Group) && slices.Contains(rule.Resources, r.Resource) && slices.Contains(rule.Verbs, r.Verb) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, r.Name)) {
			return true
		}
	}
	return false
}
