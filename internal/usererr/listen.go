package usererr

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen says why a port cannot be opened. What is the use of the port: "ops port".
func Listen(what, address string, err error) *Error {
	known := Errno(err, []Known{
		{syscall.EADDRINUSE, "the port is in use", "choose another port, or check that no other container of the Pod uses this one"},
		{syscall.EADDRNOTAVAIL, "this host does not have the address", "listen on :PORT for all addresses"},
		{syscall.EACCES, "permission denied", "ports below 1024 need a capability; choose a higher one"},
	})
	if known == nil {
		known = &Error{Text: err.Error()}
		if op, ok := errors.AsType[*net.OpError](err); ok {
			known.Text = op.Err.Error() // without the address
		}
	}
	return &Error{Text: fmt.Sprintf("listen on the %s %s: %s", what, address, known.Text), Hint: known.Hint, Err: err}
}
