package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/testing/apiserver"
)

const testGrace = 10 * time.Second

// newLease returns a locker of host for the Lease app/migrate at the server.
func newLease(t *testing.T, s *apiserver.Server, host string) *leaseLocker {
	t.Helper()
	return leaseBy(t, s, host, tokenFile(t))
}

func tokenFile(t *testing.T) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	return token
}

// leaseBy returns a locker that makes its requests by a transport of its own.
func leaseBy(t *testing.T, way http.RoundTripper, host, token string) *leaseLocker {
	t.Helper()
	locker, _, err := Open("k8s://app/migrate", Options{Host: host, Grace: testGrace})
	if err != nil {
		t.Fatal(err)
	}
	l, ok := locker.(*leaseLocker)
	if !ok {
		t.Fatalf("got a %T", locker)
	}
	l.api = kube.New(kube.Config{
		Env:       []string{"KUBERNETES_SERVICE_HOST=api", "KUBERNETES_SERVICE_PORT=443"},
		TokenFile: token, Transport: way,
	})
	return l
}

// mustTry takes a lease.
func mustTry(t *testing.T, l *leaseLocker) *leaseLock {
	t.Helper()
	lock, err := l.Try(t.Context())
	got, ok := lock.(*leaseLock)
	if err != nil || !ok {
		t.Fatalf("got %T, %v; want a lock", lock, err)
	}
	return got
}

// once returns a fault for the next request of a method.
func once(method string, f apiserver.Fault) func(*http.Request) apiserver.Fault {
	var struck atomic.Bool
	return func(r *http.Request) apiserver.Fault {
		if r.Method == method && struck.CompareAndSwap(false, true) {
			return f
		}
		return apiserver.None
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &apiserver.Server{Token: "t0ken"}
		first, second := newLease(t, s, "first"), newLease(t, s, "second")
		start := time.Now()
		lock := mustTry(t, first)
		for range 10 { // much longer than it lasts
			time.Sleep(beat)
			if err := check(t.Context(), lock); err != nil {
				t.Fatal(err)
			}
			_, err := second.Try(t.Context())
			if held, ok := errors.AsType[*HeldError](err); !ok || held.Holder != "first" || !held.Since.Equal(start) {
				t.Fatalf("got %v, want that first has it since %v", err, start)
			}
		}
		if err := lock.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		lock = mustTry(t, second)
		if n := s.LeaseSpec("app/migrate")["leaseTransitions"]; n != 1.0 {
			t.Errorf("%v transitions, want 1", n)
		}
		s.DeleteLease("app/migrate")
		if err := check(t.Context(), lock); err == nil || err.Error() != "it was deleted" {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestLeaseRunsOut lets a holder die whose clock is wrong by an hour, before or
// after: its lease is taken after its time, and no earlier.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-time.Hour, 0, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &apiserver.Server{}
				l := newLease(t, s, "waiter")
				for i := range 10 {
					now := time.Now().Add(skew).UTC().Format(microLayout)
					s.PutLease("app/migrate", map[string]any{
						"holderIdentity": "other_1", "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now, "leaseTransitions": i,
					})
					for range 10 {
						if _, err := l.Try(t.Context()); err == nil {
							t.Fatal("taken while it was renewed")
						}
						time.Sleep(time.Second)
					}
				}
				for i := 10; ; i++ {
					_, err := l.Try(t.Context())
					if err == nil {
						if i != 16 {
							t.Errorf("taken %d s after the last renewal, want 16", i)
						}
						return
					}
					if i > 16 {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// TestLeaseWrites has each write go wrong once in each way.
func TestLeaseWrites(t *testing.T) {
	t.Parallel()
	free := map[string]any{"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 3}
	take := func(t *testing.T, l *leaseLocker) *leaseLock {
		t.Helper()
		for range 3 {
			if lock, err := l.Try(t.Context()); err == nil {
				return lock.(*leaseLock) //nolint:forcetypeassert // there is no other
			}
			time.Sleep(time.Second)
		}
		t.Fatal("never taken")
		return nil
	}
	for name, f := range map[string]apiserver.Fault{
		"conflict": apiserver.Conflict, "lost": apiserver.Lost, "lost late": apiserver.LostLate, "late": apiserver.Late,
		"dropped": apiserver.Dropped, "hangs": apiserver.Hangs, "busy": apiserver.Busy, "down": apiserver.Down,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &apiserver.Server{}
				s.Fault = once(http.MethodPost, f)
				take(t, newLease(t, s, "creates"))
				s.PutLease("app/migrate", free)
				s.Fault = once(http.MethodPut, f)
				lock := take(t, newLease(t, s, "takes"))
				for range 6 {
					s.Fault = once(http.MethodPut, f)
					for range 2 { // with the fault, and without
						time.Sleep(beat)
						if err := check(t.Context(), lock); err != nil {
							t.Errorf("check: %v", err)
						}
					}
				}
				if f == apiserver.Conflict && s.LeaseMetadata("app/migrate")["labels"] == nil {
					t.Error("a label of somebody else is lost")
				}
				s.Fault = once(http.MethodPut, f)
				ctx, cancel := context.WithTimeout(t.Context(), beat)
				defer cancel()
				err := lock.Release(ctx)
				if holder := s.LeaseSpec("app/migrate")["holderIdentity"]; holder != "" || err != nil {
					t.Errorf("released: held by %v, %v", holder, err)
				}
			})
		})
	}
}

// TestLeaseUnsure gives up when what it wrote had no answer: nobody has to wait until
// that runs out.
func TestLeaseUnsure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &apiserver.Server{Fault: once(http.MethodPost, apiserver.Lost)}
		l := newLease(t, s, "first")
		if _, err := l.Try(t.Context()); err == nil {
			t.Fatal("the answer was not lost")
		}
		s.Fault = once(http.MethodPut, apiserver.Conflict)
		if _, err := l.Try(t.Context()); err == nil {
			t.Fatal("there was no conflict")
		}
		if s.LeaseSpec("app/migrate")["holderIdentity"] != l.identity {
			t.Error("it was not carried out")
		}
		l.Close(t.Context())
		mustTry(t, newLease(t, s, "second"))
	})
}

// TestLeasePatience has the server down for a while.
func TestLeasePatience(t *testing.T) {
	t.Parallel()
	for down, want := range map[time.Duration]bool{12 * time.Second: true, 17 * time.Second: false} {
		t.Run(down.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &apiserver.Server{}
				lock := mustTry(t, newLease(t, s, "holder"))
				start := time.Now()
				s.Fault = func(*http.Request) apiserver.Fault {
					if time.Since(start) < down {
						return apiserver.Down
					}
					return apiserver.None
				}
				var err error
				for range 6 {
					time.Sleep(beat)
					if err = check(t.Context(), lock); err != nil {
						break
					}
				}
				if (err == nil) != want || err != nil && err.Error() != "not renewed for 15s: the API server answers with status 503" {
					t.Errorf("got %v, want it kept: %t", err, want)
				}
			})
		})
	}
}

// TestLeaseFrozen lets a holder sleep for longer than its lease lasts: it ends its
// command without asking anybody.
func TestLeaseFrozen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &apiserver.Server{}
		l := newLease(t, s, "holder")
		lock := mustTry(t, l)
		time.Sleep(l.duration)
		s.Fault = func(*http.Request) apiserver.Fault { t.Error("asked"); return apiserver.None }
		if err := check(t.Context(), lock); err == nil || !strings.Contains(err.Error(), "frozen") {
			t.Errorf("got %v", err)
		}
	})
}

func TestLeaseRefused(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]*apiserver.Server{
		"the API server does not accept the token (status 401)":        {Token: "another"},
		"the Pod's service account may not get leases (status 403)":    {Deny: func(r apiserver.Request) bool { return r.Verb == "get" }},
		"the Pod's service account may not create leases (status 403)": {Deny: func(r apiserver.Request) bool { return r.Verb == "create" }},
	} {
		_, err := newLease(t, s, "first").Try(t.Context())
		if _, refused := errors.AsType[*RefusedError](err); !refused || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, raw := range []string{"k8s:///lock", "k8s://ns/lock"} { // with no cluster in sight
		outside, _, err := Open(raw, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = outside.Try(t.Context())
		if _, refused := errors.AsType[*RefusedError](err); !refused || !errors.Is(err, kube.ErrNotInCluster) {
			t.Errorf("%s: %v, want that it is refused", raw, err)
		}
	}
	l := newLease(t, &apiserver.Server{}, "first")
	l.ref.Namespace = "nowhere"
	if _, err := l.Try(t.Context()); err == nil || err.Error() != `the namespace nowhere does not exist` {
		t.Errorf("got %v", err)
	}
}

// TestLeaseSimulation lets replicas migrate in turn for hours of simulated time,
// with a server that goes wrong, replicas that are killed and replicas that freeze.
// No two commands run at once; with leases that last as long as those of leader
// election, whose holders have no commands to end, they do.
func TestLeaseSimulation(t *testing.T) {
	t.Parallel()
	const seeds = 6
	shortened, taken := 0, 0
	for seed := range uint64(seeds) {
		overlaps, n := simulate(t, seed, 0)
		if overlaps > 0 {
			t.Errorf("seed %d: %d overlaps", seed, overlaps)
		}
		taken += n
		overlaps, _ = simulate(t, seed, 15*time.Second)
		shortened += overlaps
	}
	if shortened == 0 || taken < seeds*20 {
		t.Errorf("%d locks, and %d overlaps with leases that are too short: this test shows nothing", taken, shortened)
	}
	t.Logf("%d locks without an overlap; %d overlaps with leases that are too short", taken, shortened)
}

// A simulation is what its replicas share.
type simulation struct {
	server *apiserver.Server

	mu    sync.Mutex
	rand  *rand.Rand
	runs  []run
	taken int
}

// A run is when a replica's command has run.
type run struct {
	replica  string
	from, to time.Time
}

// simulate runs for an hour. A duration replaces that of the leases.
func simulate(t *testing.T, seed uint64, duration time.Duration) (overlaps, taken int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &simulation{rand: rand.New(rand.NewPCG(seed, 0))}
		m.server = &apiserver.Server{Fault: m.fault}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		token := tokenFile(t)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					cable := &line{simulation: m}
					l := leaseBy(t, cable, fmt.Sprintf("replica%d-%d", i, n), token)
					if duration > 0 {
						l.duration = duration
					}
					m.replica(ctx, l, cable)
				}
			})
		}
		wg.Wait()
		overlaps, taken = m.overlaps(), m.taken
	})
	return overlaps, taken
}

// A line is between a replica and the server, and is cut now and then.
type line struct {
	simulation *simulation
	until      time.Time // it is cut
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.simulation.draw(100) == 0 {
		l.cut()
	}
	if time.Now().Before(l.until) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return l.simulation.server.RoundTrip(r)
}

func (l *line) cut() { l.until = time.Now().Add(time.Duration(l.simulation.draw(120)) * time.Second) }

// draw returns a number below n.
func (m *simulation) draw(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rand.IntN(n)
}

// fault lets every tenth request go wrong.
func (m *simulation) fault(*http.Request) apiserver.Fault {
	if m.draw(10) > 0 {
		return apiserver.None
	}
	return apiserver.Fault(m.draw(int(apiserver.Down) + 1))
}

// replica takes the lock and has a command, which ends by itself, with its killed
// holder or because the lock is lost.
func (m *simulation) replica(ctx context.Context, l *leaseLocker, cable *line) {
	lock, err := (Migration{Locker: l, Logger: slog.New(slog.DiscardHandler)}).acquire(ctx)
	if err != nil {
		return
	}
	c := &command{Lock: lock, simulation: m, line: cable, replica: l.identity}
	c.start()
	life, end := context.WithCancel(ctx)
	defer end()
	stop := Migration{Grace: testGrace}.watch(life, c, func(_ error, grace time.Duration) {
		if grace == 0 { // killed at once
			c.stop()
		}
		time.AfterFunc(grace, end)
	})
	timer := time.AfterFunc(time.Duration(m.draw(180))*time.Second, end)
	<-life.Done()
	timer.Stop()
	c.stop()
	stop()
	if m.draw(10) < 3 { // it was killed
		return
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
	defer cancel()
	_ = lock.Release(release)
}

// overlaps counts the runs of two replicas at one time.
func (m *simulation) overlaps() (n int) {
	for i, a := range m.runs {
		for _, b := range m.runs[:i] {
			if a.replica != b.replica && a.from.Before(b.to) && b.from.Before(a.to) {
				n++
			}
		}
	}
	return n
}

// A command freezes now and then, together with its holder, who then does not see
// for a while whether the lock is its own.
type command struct {
	Lock

	simulation *simulation
	line       *line
	replica    string

	mu    sync.Mutex
	since time.Time // zero: it does not run
	ended bool
}

func (c *command) Check(ctx context.Context) error {
	c.freeze()
	err := c.Lock.Check(ctx)
	c.freeze()
	return err
}

func (c *command) freeze() {
	if c.simulation.draw(40) == 0 {
		c.pause(false)
		time.Sleep(time.Duration(c.simulation.draw(120)) * time.Second)
		if c.simulation.draw(2) == 0 {
			c.line.cut()
		}
		c.start()
	}
}

func (c *command) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.since = time.Now()
	}
}

func (c *command) stop() { c.pause(true) }

func (c *command) pause(ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.simulation
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); !c.since.IsZero() && now.After(c.since) {
		m.runs = append(m.runs, run{c.replica, c.since, now})
	}
	if ended && !c.ended {
		m.taken++
	}
	c.since, c.ended = time.Time{}, ended
}
