package metrics_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/sidecar/metrics"
)

const fuzzMapping = `
mappings:
- {match: "a.*", name: "a_${1}", labels: {what: "$1"}, ttl: 1h}
- {match: "t.*.*", name: t, observer_type: histogram, scale: 0.5}
- {match: "(.*)x(.*)", match_type: regex, name: "r_$1", labels: {rest: "$2"}, honor_labels: true}
- {match: "drop", name: d, action: drop}
`

// FuzzPacket holds packets to what a hostile sender may reach: metrics that can be read, and the same ones whether lines
// take a shortcut or not.
func FuzzPacket(f *testing.F) {
	for packet := range hostile() {
		f.Add([]byte(packet), []byte("good:1|c|#a:b"))
	}
	f.Add([]byte("a.b:1|c|#k:v\na.b:2|c|#k:v"), []byte("t.a.b:1:2:3|ms|@0.1"))
	f.Add([]byte("fxoo:1|g|#rest:own,c:d\nfxoo:+1|g|#rest:own,c:d"), []byte("a.b,x=y:1|d|T1656581400|c:abc"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first)+len(second) > 512 {
			return
		}
		mapping := write(t, filepath.Join(t.TempDir(), "m.yaml"), fuzzMapping)
		var texts []string
		for _, short := range []bool{true, false} {
			s, err := metrics.New(metrics.Options{ListenUDP: "127.0.0.1:0", Dialects: all(), MaxSeries: 20, Mapping: metrics.Mapping{File: mapping, CacheSize: 10}})
			if err != nil {
				t.Fatal(err)
			}
			if !short {
				s.WithoutShortcuts()
			}
			for _, packet := range [][]byte{first, second, first, first, second} {
				s.Handle(packet)
			}
			texts = append(texts, exposed(t, s))
		}
		if diff := cmp.Diff(texts[1], texts[0]); diff != "" {
			t.Errorf("the shortcut makes a difference (-whole way +shortcut):\n%s", diff)
		}
	})
}

// exposed returns the metrics that packets can change, as text.
func exposed(t *testing.T, s *metrics.Server) string {
	t.Helper()
	families, err := s.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		switch name := f.GetName(); {
		case strings.HasPrefix(name, "go_"), strings.HasPrefix(name, "process_"), strings.HasPrefix(name, "statsd_metric_mapper_"):
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// FuzzMapping wants of each file that it is refused with a position, or that its mapping works.
func FuzzMapping(f *testing.F) {
	f.Add([]byte(fuzzMapping))
	f.Add([]byte("defaults:\n  observer_type: histogram\n  histogram_options:\n    buckets: [.inf, .nan, 1]\n"))
	f.Add([]byte("defaults: {observer_type: summary, ttl: -1s, summary_options: {max_age: -1s, buf_cap: 4000000000}}\n"))
	f.Add([]byte("mappings:\n- {match: t.*.*, name: \"${9}\", labels: {quantile: \"$1\", le: x, __a: y}}\n"))
	f.Add([]byte("mappings:\n- {match: a.*, name: \"$1$1$1$1\", labels: {kk: \"$1$1$1$1$1$1$1$1\"}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := metrics.CheckMapping(text); err != nil {
			if p, ok := errors.AsType[*diag.Error](err); !ok || p.Line < 1 {
				t.Errorf("no position: %v", err)
			}
			return
		}
		file := write(t, filepath.Join(t.TempDir(), "m.yaml"), string(text))
		s, err := metrics.New(metrics.Options{ListenUDP: "127.0.0.1:0", Dialects: all(), MaxSeries: 20, Mapping: metrics.Mapping{File: file, CacheSize: 10}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.Handle([]byte("a.b:1|c\nt.a.b:1|ms|#x:y\nfxo:1|g\nt.a.c:2|d"))
		}
		exposed(t, s)
	})
}
