// Package sidecar is the life cycle that inith's sidecars share. A [Runner] serves a [Service], answers the probes of the
// kubelet and Prometheus on a port of its own, and drains the service when it is asked to end.
//
// A part that crashes ends [Runner.Run] with its cause, so that the kubelet restarts the container.
package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/duration"
)

// A Service is the work of a sidecar. It may also be a [Readier] and a [Stopper].
type Service interface {
	// Serve works until ctx ends. Then it drains: it accepts nothing new and completes what it has begun. It returns nil
	// if nothing was left, and otherwise an error that says what. An error before ctx ends is a crash.
	Serve(ctx context.Context) error
}

// A Readier is a service that is not always ready to be used.
type Readier interface {
	// Ready returns nil, or why the service is not ready. It is called concurrently with Serve.
	Ready() error
}

// A Stopper is a service whose drain can be cut short.
type Stopper interface {
	// Stop makes Serve give up what it drains, and return what was left. It is called once, concurrently with Serve.
	Stop()
}

// A Runner serves one service.
type Runner struct {
	Service      Service
	Ops          string              // address of the ops port: /healthz, /readyz, /metrics; "" for none
	Gatherer     prometheus.Gatherer // the metrics; nil for none
	DrainTimeout time.Duration       // after which the service is stopped; zero: no limit
	// Abort delivers a second request to end, such as a second signal. Run returns it at once. nil for none.
	Abort  <-chan error
	Logger *slog.Logger // nil discards
}

// stopTime is how long a service may take to return after it was stopped.
const stopTime = 5 * time.Second

// Run serves until ctx ends, then drains. It returns nil after a complete drain.
func (r *Runner) Run(ctx context.Context) error {
	ops, err := openOps(ctx, r)
	if err != nil {
		return err
	}
	defer ops.close()
	serving, end := context.WithCancel(ctx)
	defer end()
	served := make(chan error, 1)
	go func() { served <- r.serve(serving) }()
	select {
	case err := <-served:
		if ctx.Err() == nil && err == nil {
			err = errors.New("the service ended without being asked to")
		}
		return err
	case err := <-ops.failed:
		ops.draining.Store(true)
		end()
		return errors.Join(err, r.drain(served))
	case <-ctx.Done():
		ops.draining.Store(true)
		r.log().InfoContext(ctx, "draining", "cause", context.Cause(ctx).Error(), "limit", duration.FormatLimit(r.DrainTimeout))
		return r.drain(served)
	}
}

func (r *Runner) serve(ctx context.Context) (err error) {
	defer crash.Recover(&err)
	return r.Service.Serve(ctx)
}

// drain waits until the service has returned.
func (r *Runner) drain(served <-chan error) error {
	var late <-chan time.Time
	if r.DrainTimeout > 0 {
		late = time.After(r.DrainTimeout)
	}
	select {
	case err := <-served:
		return err
	case err := <-r.Abort:
		return err
	case <-late:
	}
	overdue := fmt.Errorf("the drain was not complete after %s", duration.Format(r.DrainTimeout))
	s, ok := r.Service.(Stopper)
	if !ok {
		return overdue
	}
	s.Stop()
	select {
	case err := <-served:
		return err
	case err := <-r.Abort:
		return err
	case <-time.After(stopTime):
		return overdue
	}
}

// ready returns nil, or why the service is not ready.
func (r *Runner) ready() error {
	if s, ok := r.Service.(Readier); ok {
		return s.Ready()
	}
	return nil
}

func (r *Runner) log() *slog.Logger {
	if r.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Logger
}
