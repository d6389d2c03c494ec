package probe

import (
	"context"
	"testing"
)

// TestLateEnd has attempts end by their context, which is noticed in another goroutine: that must not end the next one.
func TestLateEnd(t *testing.T) {
	t.Parallel()
	var d Dialer
	for i := range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		end := d.begin(ctx)
		cancel()
		end()
		end = d.begin(t.Context())
		for range 100 {
			if d.mu.Lock(); !d.active {
				t.Fatalf("attempt %d was ended by the one before", i)
			}
			d.mu.Unlock()
		}
		end()
	}
}
