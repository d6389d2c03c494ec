package integration_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/inith/inith/internal/testing/apiserver"
)

// printRBAC runs inith rbac, and decodes what it prints as the API server does.
func printRBAC(t *testing.T, args ...string) []runtime.Object {
	t.Helper()
	r := runContainer(t, append([]string{buildInith(t), "rbac"}, args...)...)
	objects, err := decode([]byte(r.stdout))
	if err != nil || r.code != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	return objects
}

// TestRBAC decodes everything that inith rbac can print.
func TestRBAC(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for _, o := range printRBAC(t, "--namespace=team", "--service-account=app", "job/a", "pod?selector=app=x", "k8s://db/service/pg", "crd/x.example.com", "k8s:///lock") {
		kinds[o.GetObjectKind().GroupVersionKind().Kind]++
	}
	want := map[string]int{"ServiceAccount": 1, "Role": 2, "RoleBinding": 2, "ClusterRole": 1, "ClusterRoleBinding": 1}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExampleWaitJob runs the init container of wait-job.yaml, which may ask the API server what its Role says: what
// inith rbac prints.
func TestExampleWaitJob(t *testing.T) {
	t.Parallel()
	objects := manifest(t, filepath.Join(kubernetesDir, "wait-job.yaml"))
	if diff := cmp.Diff(printRBAC(t, "--service-account=web", "job/web-migrate-v1"), objects[:3]); diff != "" {
		t.Errorf("what inith rbac prints (-) and the manifest (+):\n%s", diff)
	}
	role, _ := objects[1].(*rbacv1.Role)
	pod, _ := podOf(objects[4])
	if role == nil || pod == nil || len(pod.Spec.InitContainers) != 1 {
		t.Fatal("wait-job.yaml has no Role and Pod with an init container")
	}
	for _, m := range pod.Spec.Containers[0].VolumeMounts {
		if m.MountPath == serviceAccount {
			t.Error("the application gets a token")
		}
	}
	for condition, want := range map[string]int{"Complete": 0, "Failed": 1} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			s := &apiserver.Server{Deny: func(r apiserver.Request) bool { return !allows(role.Rules, r) }}
			account, options := startAPIServer(t, s)
			name := startContainer(t, kubelet(t, pod, pod.Spec.InitContainers[0], map[string]string{"kube-api-access": account}, buildInith(t), options...)...)
			poll(t, 5*time.Minute, func(context.Context) error {
				if s.Watchers() == 0 {
					return errors.New("it does not watch")
				}
				return nil
			})
			s.Put("batch/v1/jobs/app/web-migrate-v1", apiserver.Object{"status": apiserver.Object{"conditions": []any{
				apiserver.Object{"type": condition, "status": "True", "reason": "BackoffLimitExceeded"},
			}}})
			r := endOf(t, name)
			if r.code != want {
				t.Errorf("got %+v, want code %d", r, want)
			}
			if want != 0 && !strings.Contains(r.stderr, "the job has failed (BackoffLimitExceeded)") {
				t.Errorf("no reason: %s", r.stderr)
			}
			hasNoSecret(t, r.stderr)
		})
	}
}
