package usererr_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/inith/inith/internal/usererr"
)

func TestListen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err        error
		text, hint string
	}{
		{syscall.EADDRINUSE, "listen on the ops port :80: the port is in use", "choose another port, or check that no other container of the Pod uses this one"},
		{syscall.EACCES, "listen on the ops port :80: permission denied", "ports below 1024 need a capability; choose a higher one"},
		{errors.New("unknown port"), "listen on the ops port :80: unknown port", ""},
	} {
		cause := &net.OpError{Op: "listen", Net: "tcp", Err: tt.err}
		e := usererr.Listen("ops port", ":80", cause)
		if e.Text != tt.text || e.Hint != tt.hint || !errors.Is(e, tt.err) {
			t.Errorf("got %q, hint %q", e.Text, e.Hint)
		}
	}
}
