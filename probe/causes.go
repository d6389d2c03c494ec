package probe

import (
	"slices"
	"time"
)

// A cause is an error of a target, and how long it held: from the attempt that found it to the next one.
type cause struct {
	err      error
	attempts int
	held     time.Duration
}

// maxCauses bounds how many errors of a target are counted apart: their texts are few, unless a server makes them up.
const maxCauses = 32

// causes are the errors of a target so far.
type causes struct {
	all  []cause
	last int // the index of the last one
	at   time.Time
}

// add notes the error of an attempt at a time.
func (c *causes) add(err error, at time.Time) {
	c.pass(at)
	c.last = slices.IndexFunc(c.all, func(known cause) bool { return known.err.Error() == err.Error() })
	if c.last < 0 && len(c.all) == maxCauses {
		c.last = maxCauses - 1
	}
	if c.last < 0 {
		c.last = len(c.all)
		c.all = append(c.all, cause{})
	}
	c.all[c.last].err = err
	c.all[c.last].attempts++
}

// pass counts the time since the last attempt for its error.
func (c *causes) pass(at time.Time) {
	if len(c.all) > 0 {
		c.all[c.last].held += at.Sub(c.at)
	}
	c.at = at
}

// longest returns the error that held longest.
func (c *causes) longest(at time.Time) cause {
	c.pass(at)
	return slices.MaxFunc(c.all, func(a, b cause) int { return int(a.held - b.held) })
}
