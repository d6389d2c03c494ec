package option

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// These return the Set of an option that only stores its value where at points.

// ToString stores a string.
func ToString[P any](at func(P) *string) func(P, Value) error {
	return func(into P, v Value) error { *at(into) = v.Str; return nil }
}

// ToStrings adds a string to a list.
func ToStrings[P any](at func(P) *[]string) func(P, Value) error {
	return func(into P, v Value) error { *at(into) = append(*at(into), v.Str); return nil }
}

// ToBool stores true or false.
func ToBool[P any](at func(P) *bool) func(P, Value) error {
	return func(into P, v Value) error { *at(into) = v.Bool; return nil }
}

// ToDuration stores a duration; zero stands for none.
func ToDuration[P any](at func(P) *time.Duration) func(P, Value) error {
	return func(into P, v Value) error { *at(into) = v.Duration; return nil }
}

// ToFiniteDuration stores a duration that cannot be none.
func ToFiniteDuration[P any](at func(P) *time.Duration) func(P, Value) error {
	return func(into P, v Value) error {
		if v.Duration == 0 {
			return errors.New("none is not possible here: want a time such as 500ms, 90s or 5m")
		}
		*at(into) = v.Duration
		return nil
	}
}

// ToSize stores a number of bytes.
func ToSize[P any](at func(P) *int64) func(P, Value) error {
	return func(into P, v Value) error { *at(into) = v.Int; return nil }
}

// Parsed stores what parse makes of a string.
func Parsed[P, V any](parse func(string) (V, error), at func(P) *V) func(P, Value) error {
	return func(into P, v Value) (err error) {
		*at(into), err = parse(v.Str)
		return err
	}
}

// AtLeast stores an integer that must not be less than a minimum.
func AtLeast[P any](minimum int64, at func(P) *int) func(P, Value) error {
	return func(into P, v Value) error {
		if v.Int < minimum || v.Int > 1<<30 {
			return fmt.Errorf("must be %d or more", minimum)
		}
		*at(into) = int(v.Int)
		return nil
	}
}

// Mode reads permission bits in octal.
func Mode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return 0, errors.New("want permission bits in octal, such as 0640")
	}
	return fs.FileMode(n), nil
}
