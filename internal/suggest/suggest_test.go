package suggest_test

import (
	"testing"

	"github.com/inith/inith/internal/suggest"
)

func TestDidYouMean(t *testing.T) {
	known := []string{"timeout", "attempt-timeout", "interval", "once", "level"}
	for _, tt := range []struct{ typed, want string }{
		{"tiemout", "timeout"},
		{"timout", "timeout"},
		{"atempt-timeout", "attempt-timeout"},
		{"lvel", "level"},
		{"onec", "once"},
		{"color", ""},
		{"", ""},
	} {
		want := ""
		if tt.want != "" {
			want = ` (did you mean "` + tt.want + `"?)`
		}
		if got := suggest.DidYouMean(tt.typed, known); got != want {
			t.Errorf("DidYouMean(%q) = %q, want %q", tt.typed, got, want)
		}
	}
}
