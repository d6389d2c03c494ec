package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestMinRate has bytes come slowly, for longer than anybody would wait.
func TestMinRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		perSecond int
		excused   bool
		want      string // of the error; "": none within an hour
		after     time.Duration
	}{
		{"a byte a second", 1, false, "only 1 B per second came in the last 1m, and the minimum is 1.0 KiB", time.Minute},
		{"as much as must come", 1 << 10, false, "", 0},
		{"a byte a second, since the reader takes no more", 1, true, "", 0},
		{"nothing", 0, false, "no byte came for 2m", 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &Job{Engine: &Engine{}, Progress: NewProgress(), host: newHost(16, time.Time{})}
				j.Progress.moved()
				g := &guard{job: j, stall: j.Engine.stallTimeout(), least: j.Engine.minRate()}
				begun := time.Now()
				var err error
				for err == nil && time.Since(begun) < time.Hour {
					time.Sleep(time.Second)
					if j.received(tt.perSecond); tt.excused {
						j.Progress.excuse()
					}
					err = g.look(time.Second)
				}
				switch took := time.Since(begun); {
				case tt.want == "" && err != nil:
					t.Errorf("after %v: %v", took, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || took != tt.after):
					t.Errorf("after %v: %v; want %q after %v", took, err, tt.want, tt.after)
				}
			})
		})
	}
}

// TestHashingIsNoStall has nothing left to fetch, and much to hash.
func TestHashingIsNoStall(t *testing.T) {
	t.Parallel()
	r := newRanges(10*piece, 64*piece, nil)
	p := NewProgress()
	p.follow(r)
	for _, s := range r.missing {
		r.have = r.have.Add(s)
	}
	if r.missing = nil; !p.hashing() {
		t.Error("not hashing, with all present and nothing hashed")
	}
	if r.hashed(10 * piece); p.hashing() {
		t.Error("hashing, with all hashed")
	}
}
