package span_test

import (
	"math/rand/v2"
	"testing"

	"github.com/inith/inith/fetch/internal/span"
)

// TestSet compares the set with a slice of booleans.
func TestSet(t *testing.T) {
	const size = 64
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var s span.Set
		var want [size]bool
		for range 20 {
			x := span.Span{Start: r.Int64N(size), End: r.Int64N(size + 1)}
			in := r.IntN(3) > 0
			if in {
				s = s.Add(x)
			} else {
				s = s.Remove(x)
			}
			for i := x.Start; i < x.End; i++ {
				want[i] = in
			}
			checkSet(t, s, want[:])
		}
	}
}

func checkSet(t *testing.T, s span.Set, want []bool) {
	t.Helper()
	var total int64
	for i, in := range want {
		if in {
			total++
		}
		if one := (span.Span{int64(i), int64(i) + 1}); s.Contains(one) != in {
			t.Fatalf("%v: byte %d is in it: %t, want %t", s, i, !in, in)
		}
	}
	if gaps := s.Gaps(int64(len(want))).Total(); s.Total() != total || gaps != int64(len(want))-total {
		t.Fatalf("%v: %d bytes and %d missing, want %d of %d", s, s.Total(), gaps, total, len(want))
	}
	for i := 1; i < len(s); i++ {
		if s[i-1].End >= s[i].Start {
			t.Fatalf("%v: not disjoint with gaps", s)
		}
	}
}
