package usererr

import (
	"errors"
	"net"
	"syscall"
)

// Listen says why a port cannot be opened. Its text does not have the address, which the caller names.
func Listen(err error) *Error {
	if known := Errno(err, []Known{
		{syscall.EADDRINUSE, "the port is in use", "choose another port, or stop the other server"},
		{syscall.EADDRNOTAVAIL, "this host does not have the address", "listen on :PORT for all addresses"},
		{syscall.EACCES, "permission denied", "ports below 1024 need a capability; choose a higher one"},
	}); known != nil {
		return known
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return &Error{Text: err.Error(), Err: err}
}
