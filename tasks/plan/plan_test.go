package plan_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/tasks/plan"
)

// A stepFunc is a step.
type stepFunc func(ctx context.Context) error

func (f stepFunc) Run(ctx context.Context) error { return f(ctx) }

// takes is a step that takes a time, unless it is cancelled, and then returns err.
func takes(d time.Duration, err error) stepFunc {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func node(name string, needs string, step plan.Step) plan.Node {
	return plan.Node{Name: name, Kind: "test", Needs: strings.Fields(needs), Step: step}
}

// states returns the states of steps, by name.
func states(r plan.Report) map[string]string {
	all := map[string]string{}
	for _, s := range r.Steps {
		all[s.Name] = s.State.String()
	}
	return all
}

var errBad = errors.New("bad")

func TestLongestPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan.Plan{Nodes: []plan.Node{
			node("last", "b c", takes(time.Second, nil)),
			node("a", "", takes(2*time.Second, nil)),
			node("b", "a", takes(3*time.Second, nil)),
			node("c", "a", takes(time.Second, nil)),
			node("alone", "", takes(5*time.Second, nil)),
		}}
		r, err := p.Run(t.Context())
		if err != nil || r.Elapsed != 6*time.Second || r.Sum() != 12*time.Second {
			t.Errorf("took %v of %v, %v", r.Elapsed, r.Sum(), err)
		}
		if got := r.CriticalPath(); !slices.Equal(got, []int{1, 2, 0}) {
			t.Errorf("critical path %v", got)
		}
		want := []string{
			"timeline: 6.0s total, 12.0s if run sequentially; * is on the critical path",
			"* last   test  ..........==    5.0s +1.0s",
			"* a      test  ====........    0.0s +2.0s",
			"* b      test  ....======..    2.0s +3.0s",
			"  c      test  ....==......    2.0s +1.0s",
			"  alone  test  ==========..    0.0s +5.0s",
			"critical path: a 2.0s, b 3.0s, last 1.0s",
		}
		if diff := cmp.Diff(want, r.Timeline(12)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestFirstFailureIsTheCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		awaited := false
		p := plan.Plan{Nodes: []plan.Node{
			node("done", "", takes(time.Second, nil)),
			node("bad", "", takes(2*time.Second, errBad)),
			node("worse", "", takes(3*time.Second, errors.New("worse"))),
			node("slow", "", stepFunc(func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second) // to end well
				awaited = true
				return errors.New("cancelled")
			})),
			node("after", "bad", takes(0, nil)),
			node("later", "done slow", takes(0, nil)),
		}}
		r, err := p.Run(t.Context())
		if e, ok := errors.AsType[*plan.StepError](err); !ok || e.Name != "bad" || !errors.Is(err, errBad) || err.Error() != "step bad: bad" {
			t.Errorf("got %v", err)
		}
		want := map[string]string{"done": "done", "bad": "failed", "worse": "cancelled", "slow": "cancelled", "after": "waiting", "later": "waiting"}
		if diff := cmp.Diff(want, states(r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !awaited || r.Elapsed != 3*time.Second {
			t.Errorf("awaited %t, took %v", awaited, r.Elapsed)
		}
		if got := r.CriticalPath(); !slices.Equal(got, []int{1}) {
			t.Errorf("critical path %v", got)
		}
		lines := r.Timeline(10)
		if !strings.HasSuffix(lines[2], "failed") || !strings.HasSuffix(lines[5], "not started") {
			t.Errorf("timeline:\n%s", strings.Join(lines, "\n"))
		}
	})
}

func TestEndFromOutside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		p := plan.Plan{Nodes: []plan.Node{
			node("a", "", takes(time.Minute, nil)), node("b", "", takes(time.Minute, nil)), node("c", "a", takes(0, nil)),
		}}
		r, err := p.Run(ctx)
		if err == nil || !errors.Is(err, cause) || err.Error() != "step a: signal\nstep b: signal" {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(map[string]string{"a": "cancelled", "b": "cancelled", "c": "waiting"}, states(r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := p.Run(ctx); !errors.Is(err, cause) {
			t.Errorf("a plan that may not begin: %v", err)
		}
	})
}

// TestEndInTheLastMoment ends a plan whose last step does not listen any more.
func TestEndInTheLastMoment(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := plan.Plan{Nodes: []plan.Node{node("a", "", stepFunc(func(context.Context) error {
		cancel()
		return nil
	}))}}
	if _, err := p.Run(ctx); err != nil {
		t.Errorf("all is done, and yet %v", err)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begun := time.Now()
		n := node("a", "", stepFunc(func(context.Context) error {
			at = append(at, time.Since(begun))
			if len(at) < 4 {
				return errBad
			}
			return nil
		}))
		n.Retries = 3
		var pauses []time.Duration
		p := plan.Plan{Nodes: []plan.Node{n}, Notify: func(e plan.Event) {
			if e.State == plan.Retrying {
				pauses = append(pauses, e.Pause)
			}
		}}
		r, err := p.Run(t.Context())
		if err != nil || r.Steps[0].Attempts != 4 {
			t.Fatalf("%d attempts, %v", r.Steps[0].Attempts, err)
		}
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if got := at[i+1] - at[i]; got != pauses[i] || got < want*8/10 || got > want*12/10 {
				t.Errorf("pause %d: %v, told %v, want %v ± 20 %%", i, got, pauses[i], want)
			}
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := node("bad", "", takes(0, errBad))
		bad.Retries, bad.Timeout = 100, 10*time.Second
		r, err := (&plan.Plan{Nodes: []plan.Node{bad}}).Run(t.Context())
		if e, ok := errors.AsType[*plan.DeadlineError](err); !ok || e.Limit != 10*time.Second || !errors.Is(err, errBad) || r.Elapsed != 10*time.Second {
			t.Errorf("after %v: %v", r.Elapsed, err)
		}
		crashes := node("crashes", "", stepFunc(func(context.Context) error { panic(errBad) }))
		crashes.Retries = 100
		r, err = (&plan.Plan{Nodes: []plan.Node{crashes}}).Run(t.Context())
		if _, ok := errors.AsType[*crash.Error](err); !ok || r.Steps[0].Attempts != 1 {
			t.Errorf("%d attempts, %v", r.Steps[0].Attempts, err)
		}
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := node("a", "", takes(time.Minute, nil))
		n.Timeout = time.Second
		_, err := (&plan.Plan{Nodes: []plan.Node{n}}).Run(t.Context())
		if _, ok := errors.AsType[*plan.DeadlineError](err); !ok || err.Error() != "step a: timeout of 1s" {
			t.Errorf("got %v", err)
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		p := plan.Plan{
			Nodes: []plan.Node{node("a", "", takes(time.Second, nil)), node("b", "a", takes(time.Second, errBad))},
			Notify: func(e plan.Event) {
				got = append(got, strings.Join([]string{string('a' + rune(e.Node)), e.State.String(), e.Elapsed.String()}, " "))
			},
		}
		_, _ = p.Run(t.Context())
		if diff := cmp.Diff([]string{"a running 0s", "a done 1s", "b running 0s", "b failed 1s"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	none := takes(0, nil)
	for name, tt := range map[string]struct {
		nodes []plan.Node
		want  []string
	}{
		"right":  {[]plan.Node{node("a", "", none), node("b", "a", none), node("c", "a b", none)}, nil},
		"twice":  {[]plan.Node{node("a", "", none), node("a", "", none)}, []string{`1/-1: there is another step "a"`}},
		"need":   {[]plan.Node{node("a", "x", none), node("b", "a b a", none)}, []string{"0/0: no step has this name", "1/1: a step cannot need itself", `1/2: duplicate need "a"`}},
		"cycle":  {[]plan.Node{node("a", "c", none), node("b", "a", none), node("c", "b x", none)}, []string{"2/1: no step has this name", "1/0: a cycle: a needs c needs b needs a"}},
		"cycles": {[]plan.Node{node("a", "b", none), node("b", "a", none), node("c", "d", none), node("d", "c", none)}, []string{"1/0: a cycle: a needs b needs a", "3/0: a cycle: c needs d needs c"}},
	} {
		var got []string
		for _, m := range plan.Check(tt.nodes) {
			got = append(got, fmt.Sprintf("%d/%d: %v", m.Node, m.Need, m.Err))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRandomGraphs holds random plans to their order and to their longest path.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			n := 1 + random.IntN(30)
			nodes := make([]plan.Node, n)
			ends := make([]time.Duration, n) // as they should be
			var mu sync.Mutex
			done := map[string]bool{}
			var longest time.Duration
			for i := range nodes {
				var needs []string
				for j := range i {
					if random.IntN(4) == 0 {
						needs = append(needs, nodes[j].Name)
						ends[i] = max(ends[i], ends[j])
					}
				}
				d := time.Duration(random.IntN(1000)) * time.Millisecond
				ends[i] += d
				longest = max(longest, ends[i])
				name := strconv.Itoa(i)
				nodes[i] = plan.Node{Name: name, Needs: needs, Step: stepFunc(func(ctx context.Context) error {
					mu.Lock()
					for _, need := range needs {
						if !done[need] {
							t.Errorf("%s runs before %s is done", name, need)
						}
					}
					mu.Unlock()
					err := takes(d, nil)(ctx)
					mu.Lock()
					defer mu.Unlock()
					done[name] = true
					return err
				})}
			}
			random.Shuffle(n, func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
			if problems := plan.Check(nodes); len(problems) > 0 {
				t.Fatal(problems)
			}
			r, err := (&plan.Plan{Nodes: nodes}).Run(t.Context())
			if err != nil || r.Elapsed != longest {
				t.Errorf("took %v, the longest path %v: %v", r.Elapsed, longest, err)
			}
			var path time.Duration
			for _, i := range r.CriticalPath() {
				path += r.Steps[i].Took()
			}
			if path != longest {
				t.Errorf("the critical path is %v long, the longest one %v", path, longest)
			}
		})
	}
}
