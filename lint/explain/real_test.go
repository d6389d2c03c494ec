package explain_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/lint/explain"
)

var update = flag.Bool("update", false, "write the golden files")

// TestRealStates explains what kubectl get pod,events -o json has printed of failures in a cluster: an API server, a scheduler
// and a kubelet of Kubernetes 1.33 with containerd. testdata/real/pods.yaml has the Pods.
func TestRealStates(t *testing.T) {
	t.Parallel()
	statuses := readStatuses(t)
	paths, err := filepath.Glob("testdata/real/*.json")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := one(t, string(b))
		if want := statuses[e.Name]; e.Status != want {
			t.Errorf("%s: status %q, and kubectl printed %q", e.Name, e.Status, want)
		}
		got := describe(e)
		golden := strings.TrimSuffix(path, ".json") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// readStatuses returns what kubectl get pods printed of each Pod at the same time.
func readStatuses(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/real/status.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(b)) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[name] = status
	}
	return all
}

// describe returns an explanation without the times of the timeline.
func describe(e explain.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s: %s\n", e.Namespace, e.Name, e.Status)
	for _, c := range e.Causes {
		fmt.Fprintf(&b, "container %q: %s: %s\n  message: %s\n  fix: %s\n  run: %s\n", c.Container, c.State, c.Why, c.Message, c.Fix, strings.Join(c.Commands, "; "))
	}
	for _, s := range e.Timeline {
		if s.Took > 0 {
			fmt.Fprintf(&b, "%s: %s\n", s.What, s.Took.Round(time.Second))
		} else {
			fmt.Fprintln(&b, s.What)
		}
	}
	return b.String()
}
