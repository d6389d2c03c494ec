package metrics_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/sidecar/metrics"
)

// TestWrongMappings wants a position for each, and nothing of a file that is no mapping.
func TestWrongMappings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"syntax":        {"mappings:\n- match: a.*\n  name: [a\n", ":4:1: "},
		"tab":           {"mappings:\n\t- match: a\n", ":2:1: "},
		"unknown key":   {"mappings:\n- match: a.*\n  nam: x\n", ":3:3: field nam not found"},
		"duplicate":     {"mappings:\n- match: a.*\n  name: x\n  name: y\n", ":4:3: "},
		"no name":       {"mappings:\n- {match: a.*, name: x}\n- match: b.*\n", ":3:3: the mapping has no name"},
		"match":         {"mappings:\n- {match: a.*, name: x}\n- match: b*c\n  name: y\n", ":3:10: invalid match: b*c"},
		"name":          {"mappings:\n- match: b.*\n  name: 1-y\n", ":3:9: metric name '1-y' doesn't match"},
		"label":         {"mappings:\n- match: b.*\n  name: y\n  labels:\n    ok: a\n    b-d: c\n", ":6:5: invalid label key: b-d"},
		"regexp":        {"mappings:\n- match: 'b('\n  match_type: regex\n  name: y\n", ":2:10: invalid regex b("},
		"summary":       {"mappings:\n- match: b\n  name: y\n  observer_type: histogram\n  summary_options:\n    max_age: 1s\n", ":6:5: cannot use histogram observer"},
		"histogram":     {"mappings:\n- match: b\n  name: y\n  observer_type: summary\n  histogram_options:\n    buckets: [1]\n", ":6:5: cannot use summary observer"},
		"buckets":       {"mappings:\n- match: b\n  name: y\n  observer_type: histogram\n  histogram_options:\n    buckets: [2, 1]\n", ":6:5: the buckets are not in increasing order"},
		"age_buckets":   {"defaults:\n  summary_options:\n    age_buckets: 4000000000\n", ":3:5: want at most 1000 age_buckets"},
		"quantile":      {"mappings:\n- match: b\n  name: y\n  summary_options:\n    quantiles: [{quantile: 50, error: 0.1}]\n", ":5:5: quantile and error are between 0 and 1"},
		"a secret":      {"s3cr3t-in-the-wrong-file\n", ":1:1: "},
		"another type":  {"mappings: s3cr3t\n", ":1:1: cannot unmarshal"},
		"another value": {"mappings:\n- match: b\n  name: y\n  ttl: s3cr3t\n", ":4:3: "},
		"observer":      {"mappings:\n- match: b\n  name: y\n  observer_type: s3cr3t\n", ":4:18: invalid observer type"},
		"alias bomb":    {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nmappings: [*f]\n", ":"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, filepath.Join(t.TempDir(), "m.yaml"), tt.text)
			_, err := metrics.New(metrics.Options{ListenUDP: "127.0.0.1:0", Mapping: metrics.Mapping{File: file}})
			if err == nil || !strings.Contains(err.Error(), file+tt.want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// mapped is a mapping with a name of its own.
func mapped(name string) string { return "mappings:\n- {match: a.*, name: " + name + "}\n" }

// volume is a ConfigMap as the kubelet mounts it: a link to ..data, which is a link to a directory that is replaced.
// https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/volume/util/atomic_writer.go
type volume struct{ directory string }

func (v volume) path() string { return filepath.Join(v.directory, "mapping.yaml") }

// update replaces the content in one step, in the directory whose name is given.
func (v volume) update(t *testing.T, name, text string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(v.directory, name), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(v.directory, name, "mapping.yaml"), text)
	_ = os.Symlink("..data/mapping.yaml", v.path())
	if err := os.Symlink(name, filepath.Join(v.directory, "..tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(v.directory, "..tmp"), filepath.Join(v.directory, "..data")); err != nil {
		t.Fatal(err)
	}
}

func TestConfigMapIsWatched(t *testing.T) {
	t.Parallel()
	v := volume{t.TempDir()}
	v.update(t, "..1", mapped("first"))
	r := start(t, func(o *metrics.Options) { o.Mapping.File = v.path() })
	r.send(t, "a.x:1|c", "a.x:1|c", "a.x:1|c")
	r.expect(t, "first 3")
	v.update(t, "..2", mapped("second"))
	r.expect(t, `statsd_exporter_config_reloads_total{outcome="success"} 1`)
	r.send(t, "a.x:1|c")
	r.expect(t, "second 1", "first 3")
	v.update(t, "..3", "mappings: [")
	r.expect(t, `statsd_exporter_config_reloads_total{outcome="failure"} 1`)
	r.send(t, "a.x:1|c")
	r.expect(t, "second 2")
	v.update(t, "..4", mapped("third"))
	r.expect(t, `statsd_exporter_config_reloads_total{outcome="success"} 2`)
	r.send(t, "a.x:1|c")
	r.expect(t, "third 1")
}

func TestReloads(t *testing.T) {
	t.Parallel()
	hangups := make(chan struct{})
	file := write(t, filepath.Join(t.TempDir(), "m.yaml"), mapped("first"))
	r := start(t, func(o *metrics.Options) { o.Mapping.File, o.Hangups = file, hangups })
	hangups <- struct{}{}
	r.expect(t, `statsd_exporter_config_reloads_total{outcome="success"} 1`)
	if status, text := r.post(t, "/-/reload"); status != http.StatusOK || text != "Requesting reload" {
		t.Errorf("reload: %d %s", status, text)
	}
	r.expect(t, `statsd_exporter_config_reloads_total{outcome="success"} 2`)
	write(t, file, "mappings:\n- match: b*c\n  name: x\n")
	if status, text := r.post(t, "/-/reload"); status == http.StatusOK || !strings.Contains(text, ":2:10: invalid match") {
		t.Errorf("reload: %d %s", status, text)
	}
	r.send(t, "a.x:1|c")
	r.expect(t, "first 1")
	if status, _ := r.get(t, "/-/reload"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", status)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if status, text := r.post(t, "/-/reload"); status == http.StatusOK || !strings.Contains(text, "mapping") {
		t.Errorf("reload: %d %s", status, text)
	}
}

func TestLifecycleIsOff(t *testing.T) {
	t.Parallel()
	quit := make(chan struct{}, 1)
	r := start(t, func(o *metrics.Options) { o.Web.Lifecycle, o.Quit = false, func() { quit <- struct{}{} } })
	for _, path := range []string{"/-/quit", "/-/reload"} {
		if status, _ := r.post(t, path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	r = start(t, func(o *metrics.Options) { o.Quit = func() { quit <- struct{}{} } })
	if status, _ := r.post(t, "/-/quit"); status != http.StatusOK {
		t.Errorf("quit: %d", status)
	}
	<-quit
}
