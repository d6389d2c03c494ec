package dial_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/testing/faultserver"
)

var errRefused = errors.New("refused")

// TestFirst has attempts that succeed, fail or hang, and counts when each began.
func TestFirst(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type attempt struct {
		took time.Duration // negative: for ever
		err  error
	}
	for name, tt := range map[string]struct {
		attempts []attempt
		want     int // -1: none
		after    time.Duration
		begun    []time.Duration
	}{
		"the first at once":    {[]attempt{{0, nil}, {0, nil}}, 0, 0, []time.Duration{0}},
		"the first hangs":      {[]attempt{{-1, nil}, {10 * ms, nil}}, 1, 260 * ms, []time.Duration{0, 250 * ms}},
		"three hang":           {[]attempt{{-1, nil}, {-1, nil}, {-1, nil}, {0, nil}}, 3, 750 * ms, []time.Duration{0, 250 * ms, 500 * ms, 750 * ms}},
		"the first is refused": {[]attempt{{10 * ms, errRefused}, {10 * ms, nil}}, 1, 20 * ms, []time.Duration{0, 10 * ms}},
		"the first is slow":    {[]attempt{{300 * ms, nil}, {-1, nil}}, 0, 300 * ms, []time.Duration{0, 250 * ms}},
		"all are refused":      {[]attempt{{0, errRefused}, {5 * ms, errRefused}}, -1, 5 * ms, []time.Duration{0, 0}},
		"ten hang": {
			append(slices.Repeat([]attempt{{-1, nil}}, 10), attempt{0, nil}), 10, 10 * (3 * time.Second / 22),
			[]time.Duration{0, 136363636, 272727272, 409090908, 545454544, 681818180, 818181816, 954545452, 1090909088, 1227272724, 1363636360},
		},
		"one hangs, the other's refused": {[]attempt{{-1, nil}, {0, errRefused}}, -1, 3 * time.Second, []time.Duration{0, 250 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				var mu sync.Mutex
				var begun []time.Duration
				got, err := dial.First(ctx, len(tt.attempts), 250*ms, func(ctx context.Context, i int) (int, error) {
					mu.Lock()
					begun = append(begun, time.Since(start))
					mu.Unlock()
					if tt.attempts[i].took < 0 {
						<-ctx.Done()
						return 0, ctx.Err()
					}
					time.Sleep(tt.attempts[i].took)
					return i, tt.attempts[i].err
				}, func(int) {})
				if took := time.Since(start); took != tt.after || (err == nil) != (tt.want >= 0) || err == nil && got != tt.want {
					t.Errorf("got %d, %v after %v, want %d after %v", got, err, took, tt.want, tt.after)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(begun, tt.begun) {
					t.Errorf("attempts began at %v, want %v", begun, tt.begun)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// TestFirstDiscards has an attempt that succeeds too late.
func TestFirstDiscards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		discarded := make(chan int, 1)
		got, err := dial.First(t.Context(), 2, time.Millisecond, func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				<-ctx.Done()
			}
			return i, nil
		}, func(i int) { discarded <- i })
		if err != nil || got != 1 || <-discarded != 0 {
			t.Errorf("got %d, %v", got, err)
		}
	})
}

// TestDialContext has names of whose addresses one refuses, or drops packets.
func TestDialContext(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	dropping := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.4"), port)
	stop, err := faultserver.ListenBlackhole(t.Context(), dropping)
	if err != nil {
		t.Skip("no address that drops packets: ", err)
	}
	t.Cleanup(stop)
	resolver, stopNames, err := faultserver.StartNames(t.Context(), func(name string) []netip.Addr {
		all := map[string][]netip.Addr{
			"dropping." + faultserver.OriginName: {dropping.Addr(), netip.MustParseAddr("127.0.0.5"), netip.MustParseAddr("127.0.0.1")},
			"refusing." + faultserver.OriginName: {netip.MustParseAddr("127.0.0.5"), netip.MustParseAddr("127.0.0.6")},
		}
		return all[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopNames)
	var mu sync.Mutex
	var tried []string
	d := dial.Dialer{Resolver: resolver, Control: func(_, address string, _ syscall.RawConn) error {
		mu.Lock()
		defer mu.Unlock()
		tried = append(tried, address)
		return nil
	}}
	_, number, _ := net.SplitHostPort(listener.Addr().String())
	conn, err := d.DialContext(t.Context(), "tcp", "dropping."+faultserver.OriginName+":"+number)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := conn.RemoteAddr().String(); got != listener.Addr().String() || len(tried) != 3 {
		t.Errorf("connected to %s after %v", got, tried)
	}
	_ = conn.Close()
	d.Control = nil
	if _, err := d.DialContext(t.Context(), "tcp", "refusing."+faultserver.OriginName+":"+number); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want that it is refused", err)
	}
	var dns *net.DNSError
	if _, err := d.DialContext(t.Context(), "tcp", "missing."+faultserver.OriginName+":"+number); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("got %v, want that there is no such name", err)
	}
}

// TestLookup asks name servers of which one never answers for IPv6, and one for neither.
func TestLookup(t *testing.T) {
	t.Parallel()
	want := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	for name, mute := range map[string][]uint16{"both": nil, "IPv4 only": {faultserver.TypeAAAA}} {
		r, stop, err := faultserver.StartNames(t.Context(), func(string) []netip.Addr { return want }, mute...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		if got, err := dial.Lookup(t.Context(), r, faultserver.OriginName); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	r, stop, err := faultserver.StartNames(t.Context(), func(string) []netip.Addr { return want }, faultserver.TypeA, faultserver.TypeAAAA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if got, err := dial.Lookup(ctx, r, faultserver.OriginName); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v, %v", got, err)
	}
}
