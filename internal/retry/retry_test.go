package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/retry"
)

func TestProportional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.NewProportional(0.04, 10*time.Millisecond, time.Second, 0)
		start := time.Now()
		for _, tt := range []struct{ at, want time.Duration }{
			{0, 10 * time.Millisecond},
			{250 * time.Millisecond, 10 * time.Millisecond},
			{5 * time.Second, 200 * time.Millisecond},
			{time.Hour, time.Second},
		} {
			time.Sleep(tt.at - time.Since(start))
			if got := p.NextBackOff(); got != tt.want {
				t.Errorf("after %v: pause %v, want %v", tt.at, got, tt.want)
			}
		}
		p.Reset()
		if got := p.NextBackOff(); got != 10*time.Millisecond {
			t.Errorf("after Reset: pause %v, want 10ms", got)
		}
	})
}

func TestProportionalJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.NewProportional(0.04, 100*time.Millisecond, time.Second, 0.2)
		seen := map[time.Duration]bool{}
		for range 200 {
			d := p.NextBackOff()
			if d < 80*time.Millisecond || d > 120*time.Millisecond {
				t.Fatalf("pause %v is not 100ms ± 20%%", d)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("%d different pauses of 200: no jitter", len(seen))
		}
	})
}

func TestSleepReturnsTheCause(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := retry.Sleep(ctx, time.Hour); !errors.Is(err, cause) {
		t.Errorf("err = %v, want %v", err, cause)
	}
}
