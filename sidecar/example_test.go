package sidecar_test

import (
	"context"
	"fmt"

	"github.com/inith/inith/sidecar"
)

// A beacon is a service that has nothing to drain.
type beacon struct{}

func (beacon) Serve(ctx context.Context) error {
	fmt.Println("serving")
	<-ctx.Done()
	return nil
}

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // as a signal would
	r := sidecar.Runner{Service: beacon{}}
	fmt.Println("error:", r.Run(ctx))
	// Output:
	// serving
	// error: <nil>
}
