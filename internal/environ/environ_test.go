package environ_test

import (
	"testing"

	"github.com/inith/inith/internal/environ"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	env := []string{"A=1", "AB=2", "A=3=4", "EMPTY="}
	for name, want := range map[string]string{"A": "3=4", "AB": "2", "EMPTY": "", "B": "", "": ""} {
		if got := environ.Get(env, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, set := environ.Lookup(env, "EMPTY"); !set {
		t.Error("EMPTY is not set")
	}
	if _, set := environ.Lookup(env, "B"); set {
		t.Error("B is set")
	}
}
