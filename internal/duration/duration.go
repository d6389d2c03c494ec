// Package duration reads and writes durations as people write them: 500ms, 90s, 5m, or none where there is no limit.
package duration

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// None stands for no limit, for which the duration is zero.
const None = "none"

// Parse reads a duration in Go's syntax, or [None]. It quotes what it got only if that is a number.
func Parse(s string) (time.Duration, error) {
	if s == None {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	_, notNumber := strconv.ParseFloat(s, 64)
	switch {
	case notNumber == nil && s != "0":
		return 0, fmt.Errorf("a duration needs a unit (did you mean %ss?)", s)
	case err != nil:
		return 0, errors.New("not a duration such as 500ms, 90s or 5m, nor none")
	case d <= 0:
		return 0, errors.New("must be more than zero; none is for no limit")
	}
	return d, nil
}

// Format writes a duration without the units that are zero: 5m, where [time.Duration.String] writes 5m0s.
func Format(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// FormatLimit writes a limit: [None] for zero. [Parse] reads it.
func FormatLimit(d time.Duration) string {
	if d == 0 {
		return None
	}
	return Format(d)
}
