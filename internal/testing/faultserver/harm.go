package faultserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// Harmed returns nil if what a naive client got shows the harm of a fault. A hang
// shows as a context's deadline.
func (s *Server) Harmed(f Fault, got []byte, err error) error {
	right := err == nil && bytes.Equal(got, s.Want().All())
	late := errors.Is(err, context.DeadlineExceeded)
	leaks := strings.Join(s.Leaks(), ", ")
	harmed := false
	switch f.Harm {
	case WrongBytes:
		harmed = err == nil && !right
	case Fails:
		harmed = err != nil && !late
	case Hangs:
		harmed = late
	case Leaks:
		harmed = leaks != "" || err != nil && strings.Contains(err.Error(), Secret)
		if f.Name == "referer" {
			harmed = strings.Contains(leaks, "Referer")
		}
	case Strays:
		harmed = len(s.Strangers()) > 0
	}
	if harmed {
		return nil
	}
	return fmt.Errorf("%d bytes, right: %t, error: %w, leaks: %s; want %s", len(got), right, err, leaks, f.Harm)
}
