package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/sidecar"
)

// sidecarOptions are those of every sidecar.
type sidecarOptions struct {
	ops   string        // address of the ops port; "" for none
	drain time.Duration // zero: no limit
}

func sidecarOptionRows(ops string) []option.Option[*sidecarOptions] {
	type o = sidecarOptions
	return append([]option.Option[*o]{
		{
			Flag: "ops-listen", Key: option.NoKey, Default: ops,
			Usage: "serve /healthz, /readyz and /metrics at this `ADDRESS`, or none",
			Set:   option.Parsed(parseAddressOrNone, func(o *o) *string { return &o.ops }),
		},
	}, drainOptionRows()...)
}

// parseAddress checks an address to listen on, or to send to.
func parseAddress(text string) (string, error) {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return text, errors.New("want HOST:PORT or :PORT, such as :9102")
	}
	return text, nil
}

// parseAddressOrNone is parseAddress, for which none stands for "".
func parseAddressOrNone(text string) (string, error) {
	if text = withoutNone(text); text == "" {
		return "", nil
	}
	return parseAddress(text)
}

// withoutNone returns a text, for which none stands for "".
func withoutNone(text string) string {
	if text == duration.None {
		return ""
	}
	return text
}

// drainOptionRows are those of a sidecar without an ops port too.
func drainOptionRows() []option.Option[*sidecarOptions] {
	type o = sidecarOptions
	return []option.Option[*o]{
		{
			Flag: "drain-timeout", Key: option.NoKey, Kind: option.Duration, Default: "25s",
			Usage: "after a signal, complete what has begun for at most this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.drain }),
		},
	}
}

// parseLinger reads the time for which a sidecar stays after a signal, 0s for none.
func parseLinger(s string) (time.Duration, error) {
	if s == "0s" {
		return 0, nil
	}
	return duration.Parse(s)
}

func checkLinger(given option.Given, linger, drain time.Duration) error {
	if drain > 0 && linger > drain {
		return given.Errorf("linger", "must not be longer than --drain-timeout")
	}
	return nil
}

// A sidecarJob is a sidecar that is ready to serve.
type sidecarJob struct{ runner sidecar.Runner }

// openSidecar makes a job of a service.
func openSidecar(s session, o sidecarOptions, service sidecar.Service, metrics prometheus.Gatherer) *sidecarJob {
	return &sidecarJob{sidecar.Runner{Service: service, Ops: o.ops, Gatherer: metrics, DrainTimeout: o.drain, Abort: s.again, Logger: s.Lines}}
}

func (j *sidecarJob) run(ctx context.Context) (outcome string, err error) {
	if err := j.runner.Run(ctx); err != nil {
		return "", err
	}
	return "drained", nil
}
