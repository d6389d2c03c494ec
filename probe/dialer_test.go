package probe_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// deaf is a driver that ignores its context: it dials by one of its own and
// reads without a deadline.
type deaf struct {
	address string
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

func (d deaf) Probe(context.Context) error {
	c, err := d.dial(context.Background(), "tcp", d.address) //nolint:contextcheck // that is what it is for
	if err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestDeafDriverReturns(t *testing.T) {
	address := serve(t, simserver.Silent)

	naive := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	go func() { naive <- deaf{address, new(net.Dialer).DialContext}.Probe(ctx) }()
	select {
	case err := <-naive:
		t.Fatalf("with a dialer that does not close, the driver returned: %v", err)
	case <-time.After(300 * time.Millisecond):
	}

	d := &probe.Dialer{}
	target := probe.NewTarget("deaf", probe.LevelProto, deaf{address, d.DialContext}, d)
	again, cancelAgain := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelAgain()
	done := make(chan error, 1)
	go func() { done <- target.Probe(again) }()
	select {
	case err := <-done:
		checkVerdict(t, err, notYet, "said nothing")
	case <-time.After(time.Second):
		t.Fatal("the driver did not return within a second of its context")
	}
}

func TestDialerRefusesAfterTheAttempt(t *testing.T) {
	address := serve(t, simserver.Silent)
	d := &probe.Dialer{}
	if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
		_ = c.Close()
		t.Error("dialed without an attempt")
	}
}

func TestTraceTellsHowFarAnAttemptCame(t *testing.T) {
	refused := listen(t, simserver.Silent)
	refused.Close()
	silent := serve(t, simserver.Silent)
	for _, tt := range []struct{ address, want string }{
		{refused.Addr(), "dialed " + refused.Addr() + ", port did not accept"},
		{silent, "dialed " + silent + ", port accepted, nothing was answered"},
		{"inith.invalid:6379", "no address dialed"},
	} {
		target := open(t, "redis://"+tt.address+"#timeout=200ms", probe.Options{})
		_ = target.Probe(t.Context())
		if got := target.Trace().String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.address, got, tt.want)
		}
	}
}

// TestNothingIsLeftOpen makes 200 attempts of each kind.
func TestNothingIsLeftOpen(t *testing.T) {
	pg := serve(t, simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	rd := serve(t, redisWithPassword())
	silent := serve(t, simserver.Silent)
	for _, raw := range []string{
		"tcp://" + silent + "#settle=0s",
		"postgres://" + pg, "postgres://app:" + secret + "@" + pg + "/app",
		"redis://" + rd, "redis://:" + secret + "@" + rd,
		"postgres://" + silent + "#timeout=1ms", "redis://" + silent + "#timeout=1ms", "http://" + silent + "#timeout=1ms",
	} {
		target := open(t, raw, probe.Options{})
		for range 5 {
			_ = target.Probe(t.Context())
		}
		files, goroutines := settled(t, 0, 0)
		for range 200 {
			_ = target.Probe(t.Context())
		}
		gotFiles, gotGoroutines := settled(t, files, goroutines)
		if gotGoroutines > goroutines {
			t.Errorf("%s: %d goroutines, were %d", target.Name, gotGoroutines, goroutines)
		}
		if gotFiles > files {
			t.Errorf("%s: %d open files, were %d", target.Name, gotFiles, files)
		}
	}
}

// settled returns how many files and goroutines there are once both are as few as
// wanted, or no longer fall: those of a closed connection, of the simulated
// server too, which is in this process, need a moment.
func settled(t *testing.T, wantFiles, wantGoroutines int) (files, goroutines int) {
	t.Helper()
	files, goroutines = openFiles(t), runtime.NumGoroutine()
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && (files > wantFiles || goroutines > wantGoroutines); {
		time.Sleep(10 * time.Millisecond)
		files, goroutines = min(files, openFiles(t)), min(goroutines, runtime.NumGoroutine())
	}
	return files, goroutines
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	return len(entries)
}

// TestSelfConnect has the kernel use for our side the very port that is dialed,
// where nothing listens. Left to itself it does so once in some 30,000 times.
func TestSelfConnect(t *testing.T) {
	l := listen(t, simserver.Silent)
	l.Close()
	address, err := net.ResolveTCPAddr("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	naive := net.Dialer{LocalAddr: address}
	c, err := naive.DialContext(t.Context(), "tcp", l.Addr())
	if err != nil {
		t.Fatalf("a naive client is not connected to itself: %v", err)
	}
	defer func() { _ = c.Close() }()
	if !probe.SelfConnected(c) {
		t.Errorf("%v to %v is not seen to be one", c.LocalAddr(), c.RemoteAddr())
	}
}
