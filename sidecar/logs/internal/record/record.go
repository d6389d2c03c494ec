// Package record makes entries of Fluent's Forward protocol of the lines of a file. An entry is a time and a map, in
// MessagePack: https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// Long says what becomes of a line that is longer than the limit.
type Long string

// What becomes of a long line.
const (
	Split Long = "split" // it becomes several records
	Cut   Long = "cut"   // its beginning becomes a record
	Skip  Long = "skip"  // it is left out
)

// A Field is added to each record.
type Field struct {
	Name  string
	Value string
	In    string // name of a map that holds it; "" for the record itself
}

// Options say how records are made. Key and Limit have no useful zero value.
type Options struct {
	Key       string // of the line
	Limit     int    // bytes of a line
	Long      Long
	Multiline *Machine // joins lines; nil: each line is a record
	Parse     Parser   // takes a line apart; nil: the line is the value of Key
	Time      Time
	Fields    []Field
	PathKey   string // receives the path of the file; "" for none
	OffsetKey string // receives where the line begins; "" for none
}

// An Encoder makes records. Not for concurrent use.
type Encoder struct {
	o      Options
	key    []byte // encoded
	fields []byte // encoded
	count  int    // of fields
	parsed []byte // of the line at hand

	Stats Stats
}

// Stats count what has happened to lines.
type Stats struct {
	Long     int64 // split, cut or skipped
	Unparsed int64 // kept as they are
}

// NewEncoder returns an encoder. Its error says which names are used twice.
func NewEncoder(o Options) (*Encoder, error) {
	e := &Encoder{o: o, key: msgp.AppendString(nil, o.Key)}
	names := []string{o.Key}
	add := func(name string) {
		if name != "" {
			names = append(names, name)
		}
	}
	add(o.PathKey)
	add(o.OffsetKey)
	var groups []string
	for _, f := range o.Fields {
		if f.In == "" {
			add(f.Name)
			e.fields = msgp.AppendString(msgp.AppendString(e.fields, f.Name), f.Value)
			e.count++
		} else if !slices.Contains(groups, f.In) {
			groups = append(groups, f.In)
			add(f.In)
		}
	}
	for _, group := range groups {
		e.addGroup(group)
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) < len(names) {
		return nil, errors.New("two fields of the records have the same name")
	}
	return e, nil
}

// addGroup encodes the fields of a map.
func (e *Encoder) addGroup(group string) {
	var inner []byte
	n := uint32(0)
	for _, f := range e.o.Fields {
		if f.In == group {
			inner = msgp.AppendString(msgp.AppendString(inner, f.Name), f.Value)
			n++
		}
	}
	e.fields = msgp.AppendMapHeader(msgp.AppendString(e.fields, group), n)
	e.fields = append(e.fields, inner...)
	e.count++
}

// A Source is where data comes from.
type Source struct {
	Path   string
	Offset int64 // of the first byte
	Inside bool  // the data begins within a line whose rest is not wanted
	Time   time.Time
	End    End
}

// End says what the end of the data is the end of.
type End int

// What the end of the data is.
const (
	More    End = iota // more is to come: neither the last line nor the last record may be complete
	Lines              // no line is to come soon: the last record is complete
	Nothing            // nothing is to come: the last line is complete, with or without its newline
)

// A Result says what was made of data.
type Result struct {
	Entries []byte // the records, appended to what it was
	Records int
	Used    int  // bytes of the data
	Inside  bool // the position after them is within a line whose rest is not wanted
}

// Append makes records until they have more than room bytes, and appends them to dst.
func (e *Encoder) Append(dst, data []byte, s Source, room int) Result {
	r := Result{Entries: dst, Inside: s.Inside}
	limit := len(dst) + room
	for r.Used < len(data) && len(r.Entries) < limit {
		switch {
		case r.Inside:
			r.skipRest(data)
		case data[r.Used] == 0:
			r.skipZeros(data)
		default:
			if !e.next(&r, data, s) {
				return r
			}
		}
	}
	return r
}

// skipRest skips what is left of a line.
func (r *Result) skipRest(data []byte) {
	i := bytes.IndexByte(data[r.Used:], '\n')
	if r.Inside = i < 0; r.Inside {
		r.Used = len(data)
		return
	}
	r.Used += i + 1
}

// skipZeros skips the hole that a writer leaves whose file was truncated, and who does not append.
func (r *Result) skipZeros(data []byte) {
	for r.Used < len(data) && data[r.Used] == 0 {
		r.Used++
	}
}

// next makes a record. It returns false if there is no complete one.
func (e *Encoder) next(r *Result, data []byte, s Source) bool {
	rest := data[r.Used:]
	n, whole := e.extent(rest, s.End)
	switch {
	case n == 0:
		return false
	case !whole:
		e.long(r, rest, s)
		return true
	}
	e.entry(r, trimEnd(rest[:n]), s, false)
	r.Used += n
	return true
}

// trimEnd removes the end of a line.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// extent returns how many bytes the first record has, 0 if it is not complete. It is not whole if it exceeds the limit.
func (e *Encoder) extent(data []byte, end End) (n int, whole bool) {
	n = lineOf(data, end)
	if n == 0 && len(data) > e.o.Limit || n > e.o.Limit+2 {
		return min(len(data), e.o.Limit), false
	}
	if n == 0 || e.o.Multiline == nil {
		return n, true
	}
	state, open := e.o.Multiline.begin(trimEnd(data[:n]))
	if !open {
		return n, true
	}
	for n < len(data) {
		more := lineOf(data[n:], end)
		if more == 0 {
			break
		}
		next, ok := e.o.Multiline.next(state, trimEnd(data[n:n+more]))
		if !ok || n+more > e.o.Limit {
			return n, true
		}
		state, n = next, n+more
	}
	if end == More && len(data) <= e.o.Limit {
		return 0, true // the next line may belong to it
	}
	return n, true
}

// lineOf returns how many bytes the first line has, 0 if it is not complete.
func lineOf(data []byte, end End) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1
	}
	if end == Nothing {
		return len(data)
	}
	return 0
}

// long makes what is wanted of a line that exceeds the limit.
func (e *Encoder) long(r *Result, rest []byte, s Source) {
	e.Stats.Long++
	n := e.o.Limit
	for back := 0; back < utf8.UTFMax-1 && n > 1 && n < len(rest) && !utf8.RuneStart(rest[n]); back++ {
		n--
	}
	if e.o.Long != Skip {
		e.entry(r, rest[:n], s, e.o.Long == Split)
	}
	r.Used += n
	r.Inside = e.o.Long != Split
}

// entry appends a record. A partial one is followed by the rest of its line.
func (e *Encoder) entry(r *Result, line []byte, s Source, partial bool) {
	at := s.Time
	count, parsed := 1, false
	if e.o.Parse != nil && !partial {
		e.parsed, count, parsed = e.parse(e.parsed[:0], line, &at)
	}
	if !parsed {
		count = 1
	}
	total := count + e.count + boolToInt(e.o.PathKey != "") + boolToInt(e.o.OffsetKey != "") + boolToInt(partial)
	dst := appendTime(append(r.Entries, 0x92), at)
	dst = msgp.AppendMapHeader(dst, uint32(total)) //nolint:gosec // a few
	if parsed {
		dst = append(dst, e.parsed...)
	} else {
		dst = msgp.AppendStringFromBytes(append(dst, e.key...), line)
	}
	if e.o.PathKey != "" {
		dst = msgp.AppendString(msgp.AppendString(dst, e.o.PathKey), s.Path)
	}
	if e.o.OffsetKey != "" {
		dst = msgp.AppendInt64(msgp.AppendString(dst, e.o.OffsetKey), s.Offset+int64(r.Used))
	}
	if partial {
		dst = msgp.AppendBool(msgp.AppendString(dst, partialKey), true)
	}
	r.Entries = append(dst, e.fields...)
	r.Records++
}

// partialKey is true in a record that the next one of the file continues.
const partialKey = "_partial"

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendTime appends an EventTime: the extension 0 with seconds and nanoseconds.
func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, 0xd7, 0x00)
	dst = binary.BigEndian.AppendUint32(dst, uint32(t.Unix()))        //nolint:gosec // until 2106, as the protocol
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond())) //nolint:gosec // less than 1e9
}
