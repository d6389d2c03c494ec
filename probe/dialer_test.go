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
	again, cancelAgain := context.WithCancel(t.Context())
	defer cancelAgain()
	done := make(chan error, 1)
	go func() { done <- target.Probe(again) }()
	for !d.Trace().Accepted { // so that it is in its read
		<-time.After(time.Millisecond)
	}
	cancelAgain()
	select {
	case err := <-done:
		checkVerdict(t, err, notYet, "sent nothing")
	case <-time.After(patience):
		t.Fatal("the driver did not return after its context had ended")
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
		{refused.Addr(), "dialed " + refused.Addr() + ", port not open"},
		{silent, "dialed " + silent + ", port accepted, no answer"},
		{"inith.invalid:6379", "no address dialed"},
	} {
		got := ""
		for limit := 200 * time.Millisecond; got != tt.want && limit < patience; limit *= 4 { // a busy machine needs longer
			target := open(t, "redis://"+tt.address+"#timeout="+limit.String(), probe.Options{})
			_ = target.Probe(t.Context())
			got = target.Trace().String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.address, got, tt.want)
		}
	}
}

// TestTimeoutOfATarget has no limit but the fragment's.
func TestTimeoutOfATarget(t *testing.T) {
	t.Parallel()
	target := open(t, "redis://"+serve(t, simserver.Silent)+"#timeout=70ms", probe.Options{})
	checkVerdict(t, target.Probe(t.Context()), notYet, " 70ms")
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
		files, goroutines := settled(t)
		for range 200 {
			_ = target.Probe(t.Context())
		}
		if !falls(t, files, goroutines) {
			t.Errorf("%s: %d goroutines, were %d; %d open files, were %d",
				target.Name, runtime.NumGoroutine(), goroutines, openFiles(t), files)
		}
	}
}

// settled returns how many files and goroutines there are once both have stayed the
// same for a while: those of a closed connection, of the simulated server too, which
// is in this process, need a moment.
func settled(t *testing.T) (files, goroutines int) {
	t.Helper()
	const while = 10 // looks
	for same := 0; same < while; same++ {
		<-time.After(10 * time.Millisecond)
		if f, g := openFiles(t), runtime.NumGoroutine(); f != files || g != goroutines {
			files, goroutines, same = f, g, 0
		}
	}
	return files, goroutines
}

// falls reports whether files and goroutines become as few as they were.
func falls(t *testing.T, files, goroutines int) bool {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if openFiles(t) <= files && runtime.NumGoroutine() <= goroutines {
			return true
		}
	}
	return false
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
