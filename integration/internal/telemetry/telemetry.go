// Package telemetry runs OpenTelemetry's receiver of Fluent's Forward protocol.
package telemetry

import (
	"context"
	"sync/atomic"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/fluentforwardreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

// Start listens at an address. It adds the connections that it accepts to a counter, and calls each for every record,
// concurrently.
func Start(ctx context.Context, address string, connections *atomic.Int64, each func(plog.LogRecord)) (receiver.Logs, error) {
	sink, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					each(record)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	factory := fluentforwardreceiver.NewFactory()
	r, err := factory.CreateLogs(ctx, receiver.Settings{
		ID: component.NewID(factory.Type()),
		TelemetrySettings: component.TelemetrySettings{
			Logger: zap.NewNop(), TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: provider{connections: connections}, Resource: pcommon.NewResource(),
		},
	}, &fluentforwardreceiver.Config{ListenAddress: address}, sink)
	if err != nil {
		return nil, err
	}
	return r, r.Start(ctx, nil)
}
