package integration_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/fluentforwardreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/inith/inith/internal/testing/logstorm"
)

// TestLogsToOpenTelemetry sends to the receiver of OpenTelemetry while files are rotated in every way, the receiver comes
// and goes, and `inith sidecar logs` is killed.
func TestLogsToOpenTelemetry(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"plain": nil, "gzip": {"--compress", "gzip"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logstorm.Run(t, logstorm.Options{Inith: binary, Receiver: &telemetry{address: freeAddr(t)}, Lines: 20_000, Kills: 5, Flags: flags})
		})
	}
}

// telemetry is OpenTelemetry's receiver of the Forward protocol.
type telemetry struct {
	address string
	running receiver.Logs

	mu      sync.Mutex
	records []plog.LogRecord
}

func (r *telemetry) Start() error {
	sink, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					kept := plog.NewLogRecord()
					record.CopyTo(kept)
					r.records = append(r.records, kept)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	factory := fluentforwardreceiver.NewFactory()
	config := factory.CreateDefaultConfig().(*fluentforwardreceiver.Config) //nolint:forcetypeassert // it is its own
	config.ListenAddress = r.address
	next, err := factory.CreateLogs(context.Background(), receiver.Settings{
		ID: component.NewID(factory.Type()),
		TelemetrySettings: component.TelemetrySettings{
			Logger: zap.NewNop(), TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: noopmetric.NewMeterProvider(), Resource: pcommon.NewResource(),
		},
	}, config, sink)
	if err != nil {
		return err
	}
	if err := next.Start(context.Background(), nil); err != nil {
		return err
	}
	r.running = next
	return nil
}

func (r *telemetry) Stop()           { _ = r.running.Shutdown(context.Background()) }
func (r *telemetry) Address() string { return r.address }

func (r *telemetry) Lines() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.records {
		all = append(all, strings.Clone(record.Body().Str()))
	}
	return all
}
