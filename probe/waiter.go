package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
)

// Defaults of [Waiter].
const (
	DefaultAttemptTimeout = 3 * time.Second
	DefaultSuccessGap     = time.Second
)

// Bounds of the pause that grows with the time waited.
const (
	minPause = 10 * time.Millisecond
	maxPause = time.Second

	// Once a server has answered, attempts are for its log too.
	minAnsweredPause = 50 * time.Millisecond

	// After a name that does not exist: each attempt costs the cluster's DNS a query for
	// each search domain and address family.
	minUnknownPause = 500 * time.Millisecond
)

// After this many consecutive refused logins, attempts are this far apart: servers lock
// accounts.
const (
	rejectionsBeforeSlow = 3
	rejectedPause        = 10 * time.Second
)

// errAbandoned ends the other waits when one target cannot become ready, or is ready and enough. It is not reported: it is
// a consequence, not a cause.
var errAbandoned = errors.New("abandoned")

// A Waiter probes targets until they are ready. The zero value is usable.
type Waiter struct {
	AttemptTimeout time.Duration // of a target without its own; zero means DefaultAttemptTimeout
	Interval       time.Duration // between attempts; zero means in proportion to the time waited
	Successes      int           // consecutive successes that make a target ready; zero means one
	Once           bool          // one attempt, no more
	FailFast       bool          // refused credentials end the wait
	Any            bool          // one target that is ready is enough
	Parallel       int           // attempts at once, which bounds memory; zero means as many as there are targets

	// Notify is called after each attempt, from one goroutine for each target; nil: not
	// called.
	Notify func(Event)
}

// An Event is the outcome of one attempt.
type Event struct {
	Target  *Target
	Index   int // of Target among the arguments of Wait
	Attempt int // from 1
	Elapsed time.Duration
	Err     error // why not ready; nil: this attempt found it ready
	Done    bool  // the wait for this target has ended; if it is not ready, an earlier event had the same Err
}

// A NotReadyError says why a target did not become ready.
type NotReadyError struct {
	Target   *Target
	Attempts int
	Elapsed  time.Duration
	Err      error // of the last attempt that was not cut short, nil if there was none
	Cause    error // what ended the wait; nil: Err did
	Trace    Trace // of the attempt that Err is of, if there is one

	Longest         error // the error that held longest, if that is another than Err; nil: Err did, or ended the wait
	LongestAttempts int   // that had it

	// Once says that there was one attempt: its text has neither count nor time, so that it is the same each time.
	Once bool
}

func (e *NotReadyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not %s", e.Target.Name, e.Target.Goal())
	switch {
	case e.Longest != nil:
		fmt.Fprintf(&b, ": mostly: %v (%d %s); at the end: %v", e.Longest, e.LongestAttempts, plural(e.LongestAttempts, "attempt"), e.Err)
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	case e.Attempts > 0:
		b.WriteString(": too few consecutive successes")
	}
	if e.Once && e.Cause == nil {
		fmt.Fprintf(&b, " (level %s)", e.Target.Level)
		return b.String()
	}
	fmt.Fprintf(&b, " (level %s, %d %s, %s", e.Target.Level, e.Attempts, plural(e.Attempts, "attempt"), duration.Format(e.Elapsed.Round(time.Millisecond)))
	if e.Cause != nil {
		fmt.Fprintf(&b, ", ended by: %v", e.Cause)
	}
	b.WriteString(")")
	return b.String()
}

func (e *NotReadyError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Longest, e.Err, e.Cause}, func(err error) bool { return err == nil })
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Wait blocks until every target is ready, one cannot become ready, or ctx is done. With Any, it blocks until one target is
// ready, none can become ready, or ctx is done. Its error joins a [NotReadyError] for each target that is the cause, in the
// order of the arguments.
func (w *Waiter) Wait(ctx context.Context, targets ...*Target) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(targets))
	slots := make(chan struct{}, cmp.Or(w.Parallel, len(targets)))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			errs[i] = w.wait(ctx, i, t, slots)
			if w.settles(errs[i]) {
				cancel(errAbandoned)
			}
		})
	}
	wg.Wait()
	if w.Any && slices.Contains(errs, nil) {
		return nil
	}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errAbandoned) })...)
}

// settles reports whether the end of one wait decides the result. With Once, every target is asked all the same.
func (w *Waiter) settles(err error) bool {
	switch {
	case w.Once:
		return false
	case w.Any:
		return err == nil
	}
	return err != nil
}

// A wait is the state of waiting for one target.
type wait struct {
	*Waiter
	index      int
	target     *Target
	slots      chan struct{} // one is taken for each attempt
	start      time.Time
	pace       backoff.BackOff // where there is no Interval
	attempt    int
	successes  int  // consecutive
	rejections int  // consecutive
	answered   bool // the server has, at an attempt
	causes     causes
	last       error // of an attempt that ctx did not cut short
	trace      Trace // of the same attempt
}

func (w *Waiter) wait(ctx context.Context, index int, t *Target, slots chan struct{}) (err error) {
	defer crash.Recover(&err) // of Notify; Probe has its own
	s := &wait{Waiter: w, index: index, target: t, slots: slots, start: time.Now(), pace: retry.NewProportional(0.04, minPause, maxPause, 0.2)}
	for {
		begun := time.Now()
		err := s.probe(ctx)
		done, failed := s.decide(ctx, err)
		if !done {
			s.notify(err, false)
			cause := s.rest(ctx, err, time.Since(begun))
			if cause == nil {
				continue
			}
			failed = s.notReady(cause)
		}
		if failed != nil && s.last != nil {
			s.notify(s.last, true)
		} else {
			s.notify(failed, true)
		}
		return failed
	}
}

func (s *wait) notify(err error, done bool) {
	if s.Notify != nil {
		s.Notify(Event{Target: s.target, Index: s.index, Attempt: s.attempt, Elapsed: time.Since(s.start), Err: err, Done: done})
	}
}

// probe makes one attempt, when there is a slot for it.
func (s *wait) probe(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.attempt++
	timeout := cmp.Or(s.target.Timeout, s.AttemptTimeout, DefaultAttemptTimeout)
	attempt, cancel := withLimit(ctx, timeout)
	defer cancel()
	err := s.target.Probe(attempt)
	s.answered = s.answered || s.target.Trace().Answered
	if err == nil {
		s.successes++
		s.rejections = 0
		return nil
	}
	s.successes = 0
	if s.last == nil || !expired(ctx) {
		s.last, s.trace = err, s.target.Trace()
		s.causes.add(err, time.Now())
	}
	if isRejected(err) {
		s.rejections++
	} else {
		s.rejections = 0
	}
	return err
}

// decide returns whether the wait is over after an attempt, and how.
func (s *wait) decide(ctx context.Context, err error) (done bool, failed error) {
	if err != nil && expired(ctx) {
		<-ctx.Done() // its timer is a moment behind the clock
	}
	_, crashed := errors.AsType[*crash.Error](err)
	switch {
	case err == nil && s.successes >= max(1, s.Successes):
		return true, nil
	case ctx.Err() != nil:
		return true, s.notReady(context.Cause(ctx))
	case err != nil && (s.Once || isPermanent(err) || crashed || s.FailFast && isRejected(err)):
		return true, s.notReady(nil)
	case s.Once:
		return true, nil
	default:
		return false, nil
	}
}

// rest returns when it is time for the next attempt, or the cause of ctx. The last one took so long.
func (s *wait) rest(ctx context.Context, err error, took time.Duration) error {
	w, watches := s.target.prober.(Watcher)
	if watches && err != nil && s.Interval == 0 && s.rejections == 0 && w.Watch(ctx) == nil {
		return context.Cause(ctx)
	}
	return retry.Sleep(ctx, s.pause(err, took))
}

// pause returns how long to wait after an attempt that took so long.
func (s *wait) pause(err error, took time.Duration) time.Duration {
	switch {
	case err == nil:
		return cmp.Or(s.Interval, DefaultSuccessGap)
	case s.rejections >= rejectionsBeforeSlow:
		return max(s.Interval, rejectedPause)
	case s.Interval > 0:
		return s.Interval
	case isUnknownName(err):
		return max(s.pace.NextBackOff()-took, minUnknownPause)
	case s.answered:
		return max(s.pace.NextBackOff()-took, minAnsweredPause)
	default:
		return max(s.pace.NextBackOff()-took, minPause)
	}
}

// isUnknownName reports whether a name server has answered that a name does not exist.
func isUnknownName(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

func (s *wait) notReady(cause error) error {
	e := &NotReadyError{
		Target: s.target, Attempts: s.attempt, Elapsed: time.Since(s.start),
		Err: s.last, Cause: cause, Trace: s.trace, Once: s.Once,
	}
	if s.last != nil && !isPermanent(s.last) { // which ended the wait, however long another one held
		if longest := s.causes.longest(time.Now()); longest.err.Error() != s.last.Error() {
			e.Longest, e.LongestAttempts = longest.err, longest.attempts
		}
	}
	return e
}

// expired reports whether ctx is done or its deadline has passed: a dialer with
// the same deadline may notice first, and its error then says nothing about the
// target.
func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}
