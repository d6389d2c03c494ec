package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/bytesize"
)

// A flagSet makes the flags of a command, each with its variable. "" is for the
// global ones.
type flagSet string

// env returns the variable of a flag: of --attempt-timeout of wait it is
// INITH_WAIT_ATTEMPT_TIMEOUT.
func (s flagSet) env(name string) []string {
	if s != "" {
		name = string(s) + "_" + name
	}
	return []string{"INITH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
}

func (s flagSet) string(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, EnvVars: s.env(name), Usage: usage}
}

func (s flagSet) strings(name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, EnvVars: s.env(name), Usage: usage}
}

func (s flagSet) bool(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, EnvVars: s.env(name), Usage: usage, DisableDefaultText: true}
}

func (s flagSet) int(name string, value int, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, EnvVars: s.env(name), Value: value, Usage: usage}
}

// duration is a duration in Go's syntax, or "none", for which zero stands.
func (s flagSet) duration(name string, value time.Duration, usage string) cli.Flag {
	return &cli.GenericFlag{
		Name: name, EnvVars: s.env(name), Usage: usage,
		Value: &durationValue{d: value}, DefaultText: shortDuration(value),
	}
}

// A durationValue implements flag.Value.
type durationValue struct{ d time.Duration }

func (v *durationValue) String() string { return shortDuration(v.d) }

func (v *durationValue) Set(s string) error {
	if s == "none" {
		v.d = 0
		return nil
	}
	d, err := time.ParseDuration(s)
	if _, notNumber := strconv.ParseFloat(s, 64); notNumber == nil && s != "0" {
		return errors.New("a duration needs a unit (did you mean " + s + "s?)")
	}
	switch {
	case err != nil:
		return errors.New("not a duration such as 500ms, 90s or 5m, nor none")
	case d <= 0:
		return errors.New("must be more than zero; none is for no limit")
	}
	v.d = d
	return nil
}

// duration returns the value of a flag that [flagSet.duration] made.
func duration(c *cli.Context, name string) time.Duration {
	if v, ok := c.Generic(name).(*durationValue); ok {
		return v.d
	}
	return 0
}

// shortDuration writes 5m instead of 5m0s.
func shortDuration(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// size is a number of bytes, such as 512MiB or 100MB; zero if it is not given.
func (s flagSet) size(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, EnvVars: s.env(name), Usage: usage, Value: new(sizeValue)}
}

// A sizeValue implements flag.Value.
type sizeValue int64

func (v *sizeValue) String() string {
	if *v == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*v), 10) + "B"
}

func (v *sizeValue) Set(s string) error {
	n, err := bytesize.Parse(s)
	*v = sizeValue(n)
	return err
}

// size returns the value of a flag that [flagSet.size] made, in bytes.
func size(c *cli.Context, name string) int64 {
	if v, ok := c.Generic(name).(*sizeValue); ok {
		return int64(*v)
	}
	return 0
}

// given reports whether a flag has a value: an empty variable is none.
func given(c *cli.Context, name string) bool {
	switch v := c.Value(name).(type) {
	case string:
		return v != ""
	case bool:
		return v
	default:
		return len(c.StringSlice(name)) > 0
	}
}
