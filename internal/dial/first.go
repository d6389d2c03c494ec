package dial

import (
	"context"
	"errors"
	"time"

	"github.com/inith/inith/internal/crash"
)

// First makes up to n attempts, each delay after the one before began, or as soon as that one has failed, and returns what
// the first successful one returns. The context of the others ends then; what they return nevertheless is given to discard.
// If all fail, it returns their joined errors, in the order in which they failed. The delay is shorter where the time of ctx
// would be over before the last one has half of it.
func First[T any](ctx context.Context, n int, delay time.Duration, attempt func(ctx context.Context, i int) (T, error), discard func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	if deadline, ok := ctx.Deadline(); ok {
		delay = min(delay, time.Until(deadline)/time.Duration(2*n))
	}
	outcomes := make(chan outcome)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := time.NewTimer(0)
	defer next.Stop()
	var zero T
	var errs []error
	for begun := 0; len(errs) < n; {
		select {
		case <-next.C:
			if begun == n {
				continue
			}
			i := begun
			begun++
			next.Reset(delay)
			go func() {
				var value T
				err := func() (err error) {
					defer crash.Recover(&err)
					value, err = attempt(ctx, i)
					return err
				}()
				select {
				case outcomes <- outcome{value, err}:
				case <-ctx.Done():
					if err == nil {
						discard(value)
					}
				}
			}()
		case o := <-outcomes:
			if o.err == nil {
				return o.value, nil
			}
			errs = append(errs, o.err)
			next.Reset(0)
		case <-ctx.Done():
			return zero, errors.Join(append(errs, ctx.Err())...)
		}
	}
	return zero, errors.Join(errs...)
}
