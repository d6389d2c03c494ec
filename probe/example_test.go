package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/inith/inith/probe"
)

// Wait until a service answers as it should, and say why it does not.
func Example() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer service.Close()

	target, err := probe.Open(service.URL+"/health#status=204", probe.Options{})
	if err != nil {
		fmt.Println(err) // a mistyped target, found before the first packet
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var w probe.Waiter
	if err := w.Wait(ctx, target); err != nil {
		fmt.Println(err, probe.Hint(err))
		return
	}
	fmt.Println(target.Kind, "is ready at level", target.Level)
	// Output: http is ready at level state
}

// A prober of your own dials through a Dialer, which closes its connections when an attempt ends.
func ExampleNewTarget() {
	dialer := &probe.Dialer{}
	attempts := 0
	broker := proberFunc(func(context.Context) error {
		attempts++
		if attempts < 3 {
			return probe.NotYet("the broker has no leader", "check that a majority of brokers is up")
		}
		return nil
	})
	w := probe.Waiter{Notify: func(e probe.Event) { fmt.Println(e.Attempt, e.Err) }}
	err := w.Wait(context.Background(), probe.NewTarget("broker", probe.LevelState, broker, dialer))
	fmt.Println(err)
	// Output:
	// 1 the broker has no leader
	// 2 the broker has no leader
	// 3 <nil>
	// <nil>
}

type proberFunc func(ctx context.Context) error

func (f proberFunc) Probe(ctx context.Context) error { return f(ctx) }
