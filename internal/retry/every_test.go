package retry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/retry"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		stop := retry.Every(time.Second, func() { n++ })
		time.Sleep(3500 * time.Millisecond)
		stop()
		time.Sleep(time.Minute)
		if n != 3 {
			t.Errorf("called %d times, want 3", n)
		}
	})
}
