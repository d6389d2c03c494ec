package probe_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

type probeFunc func(ctx context.Context) error

func (f probeFunc) Probe(ctx context.Context) error { return f(ctx) }

var errDown = errors.New("down")

// fake returns a target whose attempts are f.
func fake(name string, f probeFunc) *probe.Target {
	return probe.NewTarget(name, probe.LevelProto, f, &probe.Dialer{})
}

// readyAfter is down until d has passed since it was made.
func readyAfter(d time.Duration) probeFunc {
	start := time.Now()
	return func(context.Context) error {
		if time.Since(start) < d {
			return errDown
		}
		return nil
	}
}

func TestWaitNoticesInProportionToTheTimeWaited(t *testing.T) {
	for _, d := range []time.Duration{0, 500 * time.Millisecond, 10 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var w probe.Waiter
			if err := w.Wait(t.Context(), fake("x", readyAfter(d))); err != nil {
				t.Fatal(err)
			}
			late := time.Since(start) - d
			if most := min(25*time.Millisecond+d*6/100, 1200*time.Millisecond); late > most {
				t.Errorf("ready after %v was noticed %v late, want at most %v", d, late, most)
			}
		})
	}
}

// TestWaitSparesTheNameServer asks for a name that does not exist for 20 s, in which a loop
// with sleep 1 asks 20 times.
func TestWaitSparesTheNameServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		missing := fake("x", func(context.Context) error {
			attempts++
			return &net.DNSError{Err: "no such host", IsNotFound: true}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var w probe.Waiter
		if err := w.Wait(ctx, missing); err == nil || !strings.Contains(err.Error(), "name not found") {
			t.Errorf("got %v", err)
		}
		if attempts < 20 || attempts > 40 {
			t.Errorf("%d attempts in 20 s, want one every 0.5 s to 1 s", attempts)
		}
	})
}

// TestWaitSparesAServerThatAnswers has a server that is up and not ready: its log gets a line for each attempt.
func TestWaitSparesAServerThatAnswers(t *testing.T) {
	s := listen(t, simserver.Postgres{Refuse: "57P03"}.Handle)
	target := open(t, "postgres://"+s.Addr()+"/app", probe.Options{})
	var w probe.Waiter
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := w.Wait(ctx, target); err == nil {
		t.Error("ready")
	}
	if most := 2 + int(time.Since(start)/(40*time.Millisecond)); s.Accepted() > most { // 50 ms, less the jitter of the first
		t.Errorf("%d connections, want at most %d", s.Accepted(), most)
	}
}

// TestWaitNamesTheErrorThatHeldLongest has a server that is gone at the end, which does not hide why it was not ready.
func TestWaitNamesTheErrorThatHeldLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		target := fake("db", func(context.Context) error {
			if time.Since(start) > 50*time.Second {
				return probe.NotYet("connection refused", "check that it runs")
			}
			return probe.NotYet("the database does not exist (yet)", "check the job")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second) // between two attempts
		defer cancel()
		w := probe.Waiter{Interval: 2 * time.Second}
		err := w.Wait(ctx, target)
		const want = "db is not ready: mostly: the database does not exist (yet) (26 attempts); at the end: connection refused (level proto, 31 attempts, 1m"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
		if got := probe.Hint(err); got != "check the job" {
			t.Errorf("hint %q", got)
		}
	})
}

// TestWaitParallel has more targets than attempts may run at once, of which most hang: the others are ready nevertheless.
func TestWaitParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		var tooMany, ready atomic.Bool
		var targets []*probe.Target
		for i := range 20 {
			targets = append(targets, fake("x", func(ctx context.Context) error {
				if running.Add(1) > 3 {
					tooMany.Store(true)
				}
				defer running.Add(-1)
				if i > 0 {
					<-ctx.Done()
				}
				return ctx.Err()
			}))
		}
		w := probe.Waiter{Parallel: 3, Notify: func(e probe.Event) {
			if e.Index == 0 && e.Err == nil && e.Done {
				ready.Store(true)
			}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.Wait(ctx, targets...); err == nil || !ready.Load() || tooMany.Load() {
			t.Errorf("too many at once %t, ready %t: %v", tooMany.Load(), ready.Load(), err)
		}
	})
}

func TestWaitInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		w := probe.Waiter{Interval: 2 * time.Second, Notify: func(probe.Event) { attempts++ }}
		if err := w.Wait(t.Context(), fake("x", readyAfter(10*time.Second))); err != nil {
			t.Fatal(err)
		}
		if attempts != 6 {
			t.Errorf("%d attempts in 10s, want 6", attempts)
		}
	})
}

func TestWaitReportsWhoseDeadlineItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("our own deadline")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		slow := fake("slow", func(ctx context.Context) error {
			if deadline, _ := ctx.Deadline(); time.Until(deadline) < probe.DefaultAttemptTimeout {
				<-ctx.Done() // the attempt that the deadline cuts short says nothing about the target
				return ctx.Err()
			}
			return errDown
		})
		var w probe.Waiter
		err := w.Wait(ctx, slow)
		e, ok := errors.AsType[*probe.NotReadyError](err)
		if !ok || !errors.Is(err, cause) || !errors.Is(err, errDown) || e.Elapsed != time.Minute || e.Attempts < 50 {
			t.Errorf("err = %v, want the cause, the last error, the time and the attempts", err)
		}
	})
}

func TestWaitEndsWhenOneTargetCannotBecomeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		bad := fake("bad", func(context.Context) error { return probe.Permanent(errDown) })
		slow := fake("slow", readyAfter(time.Hour))
		var w probe.Waiter
		err := w.Wait(t.Context(), slow, bad, slow)
		if err == nil || !strings.HasPrefix(err.Error(), "bad is not ready") || strings.Contains(err.Error(), "slow") {
			t.Errorf("err = %v, want only bad's", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("ended after %v, want at once", took)
		}
	})
}

func TestWaitSlowsDownWhenCredentialsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		refusing := fake("x", func(context.Context) error {
			attempts++
			return probe.Rejected(errDown)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var w probe.Waiter
		if err := w.Wait(ctx, refusing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the deadline's", err)
		}
		if attempts < 6 || attempts > 10 {
			t.Errorf("%d attempts in a minute, want 3 and then one every 10s", attempts)
		}
		attempts = 0
		w.FailFast = true
		if err := w.Wait(t.Context(), refusing); err == nil || attempts != 1 {
			t.Errorf("FailFast: err = %v after %d attempts, want an error after one", err, attempts)
		}
	})
}

func TestWaitSuccessesInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		attempt := 0
		flapping := fake("x", func(context.Context) error {
			attempt++
			if attempt == 3 { // the third breaks the row
				return errDown
			}
			return nil
		})
		w := probe.Waiter{Successes: 3}
		if err := w.Wait(t.Context(), flapping); err != nil {
			t.Fatal(err)
		}
		if attempt != 6 {
			t.Errorf("%d attempts, want 6", attempt)
		}
		if took := time.Since(start); took < 4*probe.DefaultSuccessGap {
			t.Errorf("took %v, want successes %v apart", took, probe.DefaultSuccessGap)
		}
	})
}

func TestWaitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		w := probe.Waiter{Once: true, Notify: func(probe.Event) { attempts.Add(1) }}
		down := fake("down", func(context.Context) error { return errDown })
		up := fake("up", func(context.Context) error { return nil })
		if err := w.Wait(t.Context(), up); err != nil || attempts.Load() != 1 {
			t.Errorf("err = %v after %d attempts", err, attempts.Load())
		}
		err := w.Wait(t.Context(), down, up, down)
		if want := "down is not ready: answer not understood (level proto)"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want the same text each time: %s", err, want)
		}
		if err == nil || strings.Count(err.Error(), "is not ready") != 2 || attempts.Load() != 4 {
			t.Errorf("err = %v after %d attempts, want both that are down", err, attempts.Load())
		}
	})
}

func TestWaitRecoversACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crashing := fake("x", func(context.Context) error { panic("s3cr3t") })
		var w probe.Waiter
		err := w.Wait(t.Context(), crashing, fake("slow", readyAfter(time.Hour)))
		if _, ok := errors.AsType[*crash.Error](err); !ok || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("err = %v, want a crash without its value", err)
		}
	})
}
