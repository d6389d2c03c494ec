package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/testing/faultserver"
)

// TestSoak fetches under random faults, and is interrupted at random moments. It ends with
// the right bytes, or with an error that says why. INITH_SOAK_SEEDS is how many
// combinations to try (make soak tries thousands), INITH_SOAK_SEED one to try again.
func TestSoak(t *testing.T) {
	seeds := make(chan uint64)
	one, count := os.Getenv("INITH_SOAK_SEED"), 36
	if s := os.Getenv("INITH_SOAK_SEEDS"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var total soak
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for seed := range seeds {
				s := newSoak(seed)
				err := s.run(t.Context(), t.TempDir())
				if one != "" || s.right == 0 {
					t.Logf("%s", s)
				}
				if err != nil {
					t.Errorf("%v\n%s\nagain: INITH_SOAK_SEED=%d go test -run TestSoak ./fetch", err, s, seed)
				}
				mu.Lock()
				total.right, total.stops, total.struck = total.right+s.right, total.stops+s.stops, total.struck+s.struck
				mu.Unlock()
			}
		})
	}
	if seed, err := strconv.ParseUint(one, 10, 64); err == nil {
		seeds <- seed
		count = 0
	}
	first := rand.Uint64N(1 << 40)
	for i := range count {
		seeds <- first + uint64(i)
	}
	close(seeds)
	wg.Wait()
	t.Logf("%d transfers from seed %d: %d right, %d interruptions, %d faults struck", count, first, total.right, total.stops, total.struck)
	if total.right < count*9/10 {
		t.Errorf("only %d of %d transfers succeeded", total.right, count)
	}
}

// A soak is one random combination.
type soak struct {
	seed   uint64
	rand   *rand.Rand
	server *faultserver.Server
	faults []*faultserver.Injection
	pinned bool
	old    []byte // at the destination before; nil: nothing
	told   []string

	right, stops, struck int
}

func newSoak(seed uint64) *soak {
	r := rand.New(rand.NewPCG(seed, 0))
	s := &soak{seed: seed, rand: r, pinned: r.IntN(2) == 0, server: &faultserver.Server{
		Content: faultserver.Content{Size: r.Int64N(12<<20 + 1), Seed: seed}, TLS: r.IntN(4) == 0,
	}}
	switch r.IntN(8) {
	case 0:
		s.server.Content.Size = r.Int64N(3)
	case 1:
		s.server.Content.Size = s.server.Content.Size >> 20 << 20
	}
	if r.IntN(2) == 0 {
		s.server.Rate = 1<<20 + r.Int64N(16<<20)
	}
	if r.IntN(3) == 0 {
		s.old = []byte("the old file")
	}
	mixable := faultserver.Mixable()
	for n := range 1 + r.IntN(4) {
		f := mixable[r.IntN(len(mixable))]
		if n == 0 { // a few seeds in a row have each fault
			f = mixable[seed%uint64(len(mixable))]
		}
		f.Times, f.Skip, f.At = 1+r.IntN(3), r.IntN(6), r.Int64N(s.server.Content.Size+1)
		if f.Unpinned != faultserver.Right && !s.pinned {
			continue
		}
		s.faults = append(s.faults, s.server.Inject(f))
	}
	return s
}

func (s *soak) String() string {
	text := fmt.Sprintf("seed %d: %d bytes, pinned %t, rate %d, TLS %t, old %t;",
		s.seed, s.server.Content.Size, s.pinned, s.server.Rate, s.server.TLS, s.old != nil)
	for _, i := range s.faults {
		f := i.Fault()
		text += fmt.Sprintf(" %s (skip %d, times %d, at %d, fired %d)", f, f.Skip, f.Times, f.At, i.Fired())
	}
	return text + "\n" + strings.Join(s.told, "\n")
}

func (s *soak) run(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errHangs)
	defer cancel()
	if err := s.server.Start(ctx); err != nil {
		return err
	}
	defer s.server.Close()
	u, err := redact.ParseURL(s.server.URL())
	if err != nil {
		return err
	}
	file := fetch.File{URL: u, Dest: filepath.Join(folder, "model.bin")}
	if s.pinned {
		file.Digest = pin(s.server.Want())
	}
	if s.old != nil {
		if err := os.WriteFile(file.Dest, s.old, 0o600); err != nil {
			return err
		}
	}
	ca := filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(ca, s.server.PEM(), 0o600); err != nil {
		return err
	}
	for stops := s.rand.IntN(7); ; stops-- {
		ended, err := s.once(ctx, file, ca, stops > 0)
		if ended || err != nil {
			return err
		}
	}
}

// once runs a transfer, as a process of its own would. It reports whether it has
// ended by itself.
func (s *soak) once(ctx context.Context, file fetch.File, ca string, stop bool) (ended bool, err error) {
	f := &fetch.Fetcher{
		Connections: 1 + s.rand.IntN(16), IdleTimeout: 400 * time.Millisecond, HeaderWait: 400 * time.Millisecond,
		RetryMaxWait: 50 * time.Millisecond, StallTimeout: time.Minute,
		MinRate: 4 << 10, // where a server has one stream to give, nothing but this ends one that drips
	}
	if s.server.TLS {
		f.TLS.CAFile = ca
	}
	tr, err := f.Open(file)
	if err != nil {
		return true, err
	}
	moment := ctx
	if stop {
		var cancel func()
		moment, cancel = context.WithTimeoutCause(ctx, time.Duration(s.rand.Int64N(int64(time.Second))), errStopped)
		defer cancel()
	}
	result, err := tr.Run(moment)
	s.told = append(s.told, fmt.Sprintf("%d bytes, %d from before, %d retries, %v: %v", result.Size, result.Resumed, result.Retries, result.Elapsed, err))
	if err == nil {
		return true, s.arrived(file, result)
	}
	if now, _ := os.ReadFile(file.Dest); string(now) != string(s.old) {
		return true, fmt.Errorf("half a file, or another: %d bytes, after %w", len(now), err)
	}
	if errors.Is(err, errStopped) {
		s.stops++
		return false, nil
	}
	if text := err.Error(); errors.Is(err, errHangs) || strings.Contains(text, "\n") || !strings.HasPrefix(text, "fetch http") {
		return true, fmt.Errorf("not clear: %w", err)
	}
	return true, nil
}

var errStopped = errors.New("stopped")

// arrived checks what has come.
func (s *soak) arrived(file fetch.File, result fetch.Result) error {
	for _, i := range s.faults {
		s.struck += i.Fired()
	}
	sum, err := sumOf(file.Dest)
	if want := pin(s.server.Want()).Hex; sum != want || result.Digest.Hex != want {
		return fmt.Errorf("WRONG BYTES: got %s, told %s, want %s, %w", sum, result.Digest.Hex, want, err)
	}
	s.right++
	return tidy(filepath.Dir(file.Dest), true)
}
