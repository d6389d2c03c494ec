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
func ToString[T any](at func(*T) *string) func(*T, Value) error {
	return func(t *T, v Value) error { *at(t) = v.Str; return nil }
}

// ToStrings adds a string to a list.
func ToStrings[T any](at func(*T) *[]string) func(*T, Value) error {
	return func(t *T, v Value) error { *at(t) = append(*at(t), v.Str); return nil }
}

// ToBool stores true or false.
func ToBool[T any](at func(*T) *bool) func(*T, Value) error {
	return func(t *T, v Value) error { *at(t) = v.Bool; return nil }
}

// ToDuration stores a duration; zero stands for none.
func ToDuration[T any](at func(*T) *time.Duration) func(*T, Value) error {
	return func(t *T, v Value) error { *at(t) = v.Duration; return nil }
}

// ToFiniteDuration stores a duration that cannot be none.
func ToFiniteDuration[T any](at func(*T) *time.Duration) func(*T, Value) error {
	return func(t *T, v Value) error {
		if v.Duration == 0 {
			return errors.New("none is not possible here: want a time such as 500ms, 90s or 5m")
		}
		*at(t) = v.Duration
		return nil
	}
}

// ToSize stores a number of bytes.
func ToSize[T any](at func(*T) *int64) func(*T, Value) error {
	return func(t *T, v Value) error { *at(t) = v.Int; return nil }
}

// Parsed stores what parse makes of a string.
func Parsed[T, V any](parse func(string) (V, error), at func(*T) *V) func(*T, Value) error {
	return func(t *T, v Value) (err error) {
		*at(t), err = parse(v.Str)
		return err
	}
}

// AtLeast stores an integer that must not be less than a minimum.
func AtLeast[T any](minimum int64, at func(*T) *int) func(*T, Value) error {
	return func(t *T, v Value) error {
		if v.Int < minimum || v.Int > 1<<30 {
			return fmt.Errorf("must be %d or more", minimum)
		}
		*at(t) = int(v.Int)
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
