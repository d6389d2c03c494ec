package record

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Time says which field of a parsed line is the time of its record.
type Time struct {
	Key    string // "": the time at which the line was read
	Format Format
	Keep   bool // the field stays in the record
}

// A Format reads times.
type Format struct {
	layout string        // of package time; "" for a number
	unit   time.Duration // of the number
}

// ParseFormat returns a format: rfc3339, unix, unix-ms, or one of strptime(3) with %L, as Fluent Bit's, for fractions of a
// second.
func ParseFormat(text string) (Format, error) {
	switch text {
	case "", "rfc3339":
		return Format{layout: time.RFC3339Nano}, nil
	case "unix", "%s", "%s.%L":
		return Format{unit: time.Second}, nil
	case "unix-ms":
		return Format{unit: time.Millisecond}, nil
	}
	layout, ok := layoutOf(text)
	if !ok || !strings.Contains(text, "%") {
		return Format{}, errors.New("want rfc3339, unix, unix-ms or a format of strptime such as %Y-%m-%dT%H:%M:%S.%L%z")
	}
	return Format{layout: layout}, nil
}

// layoutOf translates a format of strptime(3).
func layoutOf(format string) (string, bool) {
	known := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
		'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'j': "002", 'z': "Z0700", 'Z': "MST", 'L': "999999999",
		'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", '%': "%",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) || known[format[i]] == "" {
			return "", false
		}
		b.WriteString(known[format[i]])
	}
	return b.String(), true
}

// parse reads a time.
func (f Format) parse(text string) (time.Time, bool) {
	if f.layout == "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0 && seconds < 1e14) {
			return time.Time{}, false
		}
		whole := int64(seconds)
		nanos := time.Duration((seconds - float64(whole)) * float64(f.unit))
		if f.unit == time.Millisecond {
			return time.UnixMilli(whole).Add(nanos), true
		}
		return time.Unix(whole, 0).Add(nanos), true
	}
	t, err := time.Parse(f.layout, text)
	if err != nil && strings.Contains(f.layout, "Z0700") { // strptime takes a zone with a colon too
		t, err = time.Parse(strings.Replace(f.layout, "Z0700", "Z07:00", 1), text)
	}
	return t, err == nil && t.Unix() > 0
}
