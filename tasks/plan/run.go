package plan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
)

// Pauses between two attempts of a step. They double, with a jitter of 20 %.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// A StepError says why a step failed.
type StepError struct {
	Name string // of the step
	Err  error
}

func (e *StepError) Error() string { return fmt.Sprintf("step %s: %v", e.Name, e.Err) }
func (e *StepError) Unwrap() error { return e.Err }

// A DeadlineError is the cause of a step's context whose Timeout has passed.
type DeadlineError struct{ Limit time.Duration }

func (e *DeadlineError) Error() string { return "timeout of " + duration.Format(e.Limit) }

// errFailed is the cause of the contexts of steps that are cancelled because another failed.
var errFailed = errors.New("another step failed")

// Run runs all steps, and returns when none is running any more. Its error is the [*StepError] of the first step that
// failed. If ctx ended the plan, it joins those of all steps that were running, or is the cause of ctx. The report is
// complete in any case.
func (p *Plan) Run(ctx context.Context) (Report, error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{
		plan: p, report: newReport(p), failed: -1, done: make([]chan struct{}, len(p.Nodes)),
		cancel: cancel, ended: func() error { return context.Cause(ctx) },
	}
	index := map[string]int{}
	for i, n := range p.Nodes {
		index[n.Name] = i
		r.done[i] = make(chan struct{})
	}
	var wg sync.WaitGroup
	for i, n := range p.Nodes {
		needs := make([]<-chan struct{}, len(n.Needs))
		for k, need := range n.Needs {
			needs[k] = r.done[index[need]]
		}
		wg.Go(func() {
			if begins(inner, needs) {
				r.step(inner, i)
			}
		})
	}
	wg.Wait()
	r.report.Elapsed = time.Since(r.report.Began)
	return r.report, r.outcome()
}

// begins waits for the needs of a step, and reports whether the step may start.
func begins(ctx context.Context, needs []<-chan struct{}) bool {
	for _, done := range needs {
		select {
		case <-done:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// A run is the state of a running plan.
type run struct {
	plan   *Plan
	done   []chan struct{} // closed when the step is done
	cancel context.CancelCauseFunc
	ended  func() error // why the plan has to end, nil as long as it has not

	mu     sync.Mutex
	report Report
	failed int // the first that failed; -1: none
}

// step runs a step to its end.
func (r *run) step(ctx context.Context, i int) {
	r.note(i, Event{State: Running, Attempt: 1})
	n := r.plan.Nodes[i]
	if n.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, n.Timeout, &DeadlineError{n.Timeout})
		defer cancel()
	}
	err := r.attempts(ctx, i)
	if err == nil {
		r.note(i, Event{State: Done})
		close(r.done[i])
		return
	}
	r.note(i, Event{State: Failed, Err: err})
	r.cancel(errFailed)
}

// attempts retries until an attempt succeeds, none is left, or ctx is done.
func (r *run) attempts(ctx context.Context, i int) error {
	n := r.plan.Nodes[i]
	policy := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause), backoff.WithMaxInterval(longestPause),
		backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.2), backoff.WithMaxElapsedTime(0))
	for attempt := 1; ; attempt++ {
		err := once(ctx, n.Step)
		if _, crashed := errors.AsType[*crash.Error](err); err == nil || attempt > n.Retries || crashed || ctx.Err() != nil {
			return err
		}
		pause := policy.NextBackOff()
		r.note(i, Event{State: Retrying, Attempt: attempt, Pause: pause, Err: err})
		if cause := retry.Sleep(ctx, pause); cause != nil {
			return fmt.Errorf("%w, during the pause after: %w", cause, err)
		}
		r.note(i, Event{State: Running, Attempt: attempt + 1})
	}
}

func once(ctx context.Context, s Step) (err error) {
	defer crash.Recover(&err)
	return s.Run(ctx)
}

// note records a change of a step's state. Only the first failure counts; steps that end after it were cancelled.
func (r *run) note(i int, e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.report.Steps[i]
	now := time.Since(r.report.Began)
	if s.State == Waiting {
		s.Start = now
	}
	if e.State == Failed {
		if r.failed >= 0 || r.ended() != nil {
			e.State = Cancelled
		} else {
			r.failed = i
		}
	}
	s.State, s.Err, s.Attempts = e.State, e.Err, max(s.Attempts, e.Attempt)
	s.End = now
	e.Node, e.Attempt, e.Elapsed = i, s.Attempts, now-s.Start
	if r.plan.Notify != nil {
		r.plan.Notify(e)
	}
}

// outcome returns the error of [Plan.Run].
func (r *run) outcome() error {
	if r.failed >= 0 {
		s := r.report.Steps[r.failed]
		return &StepError{s.Name, s.Err}
	}
	var errs []error
	ended := true
	for _, s := range r.report.Steps {
		if s.State == Cancelled {
			errs = append(errs, &StepError{s.Name, s.Err})
		}
		ended = ended && s.State == Done
	}
	if ended {
		return nil // even if ctx was done a moment before the last step was
	}
	if len(errs) == 0 {
		return r.ended()
	}
	return errors.Join(errs...)
}
