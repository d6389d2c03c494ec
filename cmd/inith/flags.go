package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// envName returns the variable of a flag: of --attempt-timeout of wait it is
// INITH_WAIT_ATTEMPT_TIMEOUT. A global flag has no command.
func envName(command, flag string) []string {
	name := "INITH_"
	if command != "" {
		name += command + "_"
	}
	return []string{strings.ToUpper(strings.ReplaceAll(name+flag, "-", "_"))}
}

func stringFlag(command, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, EnvVars: envName(command, name), Usage: usage}
}

func boolFlag(command, name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, EnvVars: envName(command, name), Usage: usage, DisableDefaultText: true}
}

// durationFlag is a duration in Go's syntax, or "none". The zero value of the
// duration stands for none.
func durationFlag(command, name string, value time.Duration, usage string) cli.Flag {
	return &cli.GenericFlag{
		Name: name, EnvVars: envName(command, name), Usage: usage,
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

// duration returns the value of a [durationFlag].
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
