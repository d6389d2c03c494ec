// Package crash turns a panic into an error that a caller in another goroutine
// can return.
package crash

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// An Error is a panic that was recovered.
type Error struct {
	Reason string // the panic's text if the runtime raised it, else its type: a value may hold a secret
	Stack  []byte // of the goroutine that panicked
}

func (e *Error) Error() string { return "inith crashed: " + e.Reason + " (please report it)" }

// Recover sets *err if the function that deferred it panics.
func Recover(err *error) {
	if v := recover(); v != nil {
		*err = &Error{Reason: reason(v), Stack: debug.Stack()}
	}
}

func reason(v any) string {
	if r, ok := v.(runtime.Error); ok {
		return r.Error()
	}
	return fmt.Sprintf("panic with a %T", v)
}
