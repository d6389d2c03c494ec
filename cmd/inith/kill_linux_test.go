package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestKilled kills processes of `inith fetch` at any moment. It is skipped with -short.
// INITH_KILL_ROUNDS is how many downloads to kill, times three; make soak kills more.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several hundred processes")
	}
	k := &killTest{bin: buildInith(t), seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", k.seed)
	t.Run("downloads", k.downloads)
	t.Run("others", func(t *testing.T) {
		t.Run("terminated", k.terminated)
		t.Run("archives", k.archives)
		t.Run("one waits", k.oneWaits)
		t.Run("the holder is killed", k.holderKilled)
		t.Run("the holder is frozen", k.holderFrozen)
		t.Run("the lock is removed", k.lockRemoved)
		t.Run("the state is removed", k.stateRemoved)
	})
}

// A killTest is what the tests of killed processes have in common.
type killTest struct {
	bin  string
	seed uint64

	mu       sync.Mutex
	kills    map[string]int // by where they fell
	late     int            // runs that had ended before
	most     float64        // bytes that were asked for again, for each connection of the killed run
	mostOver int            // connections
}

// moments are where a kill can fall.
func moments() []string {
	return []string{"headers", "body", "frontier", "fsync", "rename", "receipt"}
}

func (k *killTest) fell(where string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kills == nil {
		k.kills = map[string]int{}
	}
	if where == "" {
		k.late++
	} else {
		k.kills[where]++
	}
}

// downloads kills downloads until they are complete, and looks at what that has
// cost.
func (k *killTest) downloads(t *testing.T) {
	const lanes = 3
	rounds := 8
	if s := os.Getenv("INITH_KILL_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	sizes := []struct {
		bytes int
		takes time.Duration
	}{
		{3<<20 + 12345, 400 * time.Millisecond},
		{24 << 20, 700 * time.Millisecond},
		{3<<20 + 12345, 300 * time.Millisecond},
		{64<<20 - 1, 1400 * time.Millisecond},
		{24 << 20, time.Second},
	}
	contents := make([][]byte, len(sizes))
	for i, s := range sizes {
		contents[i] = randomBytes(s.bytes, uint64(i))
	}
	var wg sync.WaitGroup
	for lane := range lanes {
		wg.Go(func() {
			for round := range rounds {
				n := lane*rounds + round
				i := n % len(sizes)
				d := &killedDownload{
					killTest: k, rand: rand.New(rand.NewPCG(k.seed, uint64(n))), takes: sizes[i].takes,
					origin: newSlowOrigin(contents[i], sizes[i].takes), dest: filepath.Join(t.TempDir(), "model.bin"),
					sum: fmt.Sprintf("%x", sha256.Sum256(contents[i])), pinned: n%2 == 0, charged: map[int]int64{},
				}
				if n%3 > 0 {
					d.meant = 8
				}
				if n%4 < 2 {
					d.old = randomBytes(100_000+n, 99)
				}
				if err := d.run(); err != nil {
					t.Errorf("download %d of %d bytes, pinned %t: %v", n, sizes[i].bytes, d.pinned, err)
				}
				d.origin.Close()
			}
		})
	}
	wg.Wait()
	k.judge(t)
}

func (k *killTest) judge(t *testing.T) {
	t.Helper()
	total := 0
	for _, where := range moments() {
		total += k.kills[where]
		if k.kills[where] == 0 {
			t.Errorf("no kill fell in %s", where)
		}
	}
	t.Logf("%d kills: %v; %d runs ended before they were killed; at most %.0f KiB for each of %d connections asked for again",
		total, k.kills, k.late, k.most/1024, k.mostOver)
	if 5*k.late > total+k.late {
		t.Errorf("%d of %d runs ended before they were killed", k.late, total+k.late)
	}
	if unknown := slices.Collect(maps.Keys(k.kills)); len(unknown) > len(moments()) {
		t.Errorf("kills fell in %q", unknown)
	}
}
