package telemetry

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
)

// These count the connections that the receiver has accepted, and discard its other metrics.
type (
	provider struct {
		noopmetric.MeterProvider

		connections *atomic.Int64
	}
	meter struct {
		noopmetric.Meter

		connections *atomic.Int64
	}
	counter struct {
		noopmetric.Int64UpDownCounter

		n *atomic.Int64
	}
)

func (p provider) Meter(string, ...metric.MeterOption) metric.Meter {
	return meter{connections: p.connections}
}

func (m meter) Int64UpDownCounter(name string, _ ...metric.Int64UpDownCounterOption) (metric.Int64UpDownCounter, error) {
	if name != "otelcol_fluent_opened_connections" {
		return noopmetric.Int64UpDownCounter{}, nil
	}
	return counter{n: m.connections}, nil
}

func (c counter) Add(_ context.Context, n int64, _ ...metric.AddOption) { c.n.Add(n) }
