// Package telemetry runs OpenTelemetry's receiver of Fluent's Forward protocol.
package telemetry

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/fluentforwardreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

// Start listens at an address. It calls each for every record, concurrently.
func Start(ctx context.Context, address string, each func(plog.LogRecord)) (receiver.Logs, error) {
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
			Logger: zap.NewNop(), TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: noopmetric.NewMeterProvider(), Resource: pcommon.NewResource(),
		},
	}, &fluentforwardreceiver.Config{ListenAddress: address}, sink)
	if err != nil {
		return nil, err
	}
	return r, r.Start(ctx, nil)
}
