package faultserver

import (
	"errors"
	"time"
)

var errClosed = errors.New("the server is closed")

// A throttle spaces out the bytes of one connection, where the kernel cannot.
type throttle struct {
	rate int64 // bytes a second
	done <-chan struct{}
	next time.Time // when more may be sent
}

// wait waits until n bytes may be sent.
func (t *throttle) wait(n int) error {
	now := time.Now()
	if t.next.Before(now) {
		t.next = now
	}
	pause := t.next.Sub(now)
	t.next = t.next.Add(time.Duration(float64(n) / float64(t.rate) * float64(time.Second)))
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.done:
		return errClosed
	}
}
