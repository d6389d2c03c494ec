package duration_test

import (
	"testing"
	"time"

	"github.com/inith/inith/internal/duration"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		500 * time.Millisecond:          "500ms",
		10 * time.Second:                "10s",
		5 * time.Minute:                 "5m",
		30 * time.Minute:                "30m",
		90 * time.Second:                "1m30s",
		2 * time.Hour:                   "2h",
		10 * time.Hour:                  "10h",
		time.Hour + 10*time.Minute:      "1h10m",
		time.Hour + 5*time.Second:       "1h0m5s",
		100*time.Hour + 1*time.Minute:   "100h1m",
		-5 * time.Minute:                "-5m",
		1500 * time.Microsecond:         "1.5ms",
		20*time.Minute + 50*time.Second: "20m50s",
	} {
		if got := duration.Format(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, time.Millisecond, time.Minute, 36 * time.Hour} {
		got, err := duration.Parse(duration.FormatLimit(d))
		if got != d || err != nil {
			t.Errorf("%v: got %v, %v", d, got, err)
		}
	}
	for in, want := range map[string]string{
		"300":  "a duration needs a unit (did you mean 300s?)",
		"1.5":  "a duration needs a unit (did you mean 1.5s?)",
		"":     "not a duration such as 500ms, 90s or 5m, nor none",
		"5 m":  "not a duration such as 500ms, 90s or 5m, nor none",
		"0":    "must be more than zero; none is for no limit",
		"0s":   "must be more than zero; none is for no limit",
		"-5m":  "must be more than zero; none is for no limit",
		"None": "not a duration such as 500ms, 90s or 5m, nor none",
	} {
		if _, err := duration.Parse(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}
