package tail_test

import (
	"testing"

	"github.com/inith/inith/sidecar/logs/internal/tail"
)

func TestExclusion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, path string
		want, across  bool // with across, as in Fluent Bit's Exclude_Path
	}{
		{"/var/log/*.gz", "/var/log/a.gz", true, true},
		{"/var/log/*.gz", "/var/log/b/a.gz", false, true},
		{"/var/log/*istio*", "/var/log/istio_1/a.log", false, true},
		{"*.gz", "/var/log/a.gz", true, true}, // Fluent Bit's own example
		{"*.gz", "/var/log/a.gz.log", false, false},
		{"*.gz", "logs/a.gz", true, true},
		{"a.log", "/var/log/a.log", true, true},
		{"a.log", "/var/log/ba.log", false, false},
		{"b/*.log", "/var/log/b/a.log", true, true},
		{"b/*.log", "/var/log/c/a.log", false, false},
		{"*/b/*.log", "/var/log/b/a.log", true, true},
		{"*/b/*.log", "/var/b/log/a.log", false, true},
		{"*.log.[!0]", "/var/log/a.log.1", true, true},
		{"*.log.[!0]", "/var/log/a.log.0", false, false},
	} {
		for across, want := range map[bool]bool{false: test.want, true: test.across} {
			e, err := tail.ParseExclusion(test.pattern, across)
			if got := e.Match(test.path); got != want || err != nil {
				t.Errorf("%q, %q, across %t: %t, %v", test.pattern, test.path, across, got, err)
			}
		}
	}
}
