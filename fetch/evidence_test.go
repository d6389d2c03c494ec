package fetch_test

import (
	"slices"
	"testing"

	"github.com/inith/inith/fetch"
)

// TestEvidenceNames reads each name as the evidence that it is of, strongest first, and nothing else.
func TestEvidenceNames(t *testing.T) {
	t.Parallel()
	names := fetch.EvidenceNames()
	if want := []string{"pinned", "content", "sums", "server", "size"}; !slices.Equal(names, want) {
		t.Fatalf("names %q, want %q", names, want)
	}
	stronger := fetch.EvidencePinned + 1
	for _, name := range names {
		e, err := fetch.ParseEvidence(name)
		if err != nil || e.String() != name || e >= stronger {
			t.Errorf("%s: %v, %v, after %v", name, e, err, stronger)
		}
		stronger = e
	}
	for _, other := range []string{"", "none", "Pinned", "strong"} {
		if e, err := fetch.ParseEvidence(other); err == nil {
			t.Errorf("%q: %v", other, e)
		}
	}
}
