// Command fluentserver is OpenTelemetry's receiver of Fluent's Forward protocol on port 24224. It writes tag, line and Pod
// of each record to stdout.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inith/inith/integration/internal/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	receiver, err := telemetry.Start(ctx, ":24224", new(atomic.Int64), func(r plog.LogRecord) {
		fields := r.Attributes().AsRaw()
		_, _ = fmt.Println(fields["fluent.tag"], r.Body().Str(), fields["kubernetes"])
	})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "fluentserver:", err)
		os.Exit(1)
	}
	<-ctx.Done()
	_ = receiver.Shutdown(context.WithoutCancel(ctx))
}
