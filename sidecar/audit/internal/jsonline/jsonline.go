// Package jsonline appends JSON to a buffer, without reflection: a record is made for each exchange.
package jsonline

import (
	"strconv"
	"unicode/utf8"
)

// A Writer appends objects to Bytes. Names must need no escape.
type Writer struct{ Bytes []byte }

// Open begins an object. Name is that of the member, "" for the outermost object.
func (w *Writer) Open(name string) {
	if name != "" {
		w.name(name)
	}
	w.Bytes = append(w.Bytes, '{')
}

// Close ends an object.
func (w *Writer) Close() { w.Bytes = append(w.Bytes, '}') }

func (w *Writer) name(name string) {
	w.separate()
	w.Bytes = append(w.Bytes, '"')
	w.Bytes = append(w.Bytes, name...)
	w.Bytes = append(w.Bytes, `":`...)
}

// separate writes a comma, unless an object or a list has just begun.
func (w *Writer) separate() {
	if last := w.Bytes[len(w.Bytes)-1]; last != '{' && last != '[' {
		w.Bytes = append(w.Bytes, ',')
	}
}

// Text writes a string, and nothing if it is empty.
func (w *Writer) Text(name, s string) {
	if s != "" {
		w.name(name)
		w.Bytes = AppendString(w.Bytes, s)
	}
}

// Texts writes a list of strings, and nothing if it is empty.
func (w *Writer) Texts(name string, all []string) {
	if len(all) == 0 {
		return
	}
	w.name(name)
	w.Bytes = append(w.Bytes, '[')
	for _, s := range all {
		w.separate()
		w.Bytes = AppendString(w.Bytes, s)
	}
	w.Bytes = append(w.Bytes, ']')
}

// Named writes a string whose name may need escapes.
func (w *Writer) Named(name, s string) {
	w.separate()
	w.Bytes = AppendString(w.Bytes, name)
	w.Bytes = append(w.Bytes, ':')
	w.Bytes = AppendString(w.Bytes, s)
}

// Int writes a number.
func (w *Writer) Int(name string, n int64) {
	w.name(name)
	w.Bytes = strconv.AppendInt(w.Bytes, n, 10)
}

// Thousandths writes a number of which n are 1000.
func (w *Writer) Thousandths(name string, n int64) {
	w.name(name)
	w.Bytes = strconv.AppendFloat(w.Bytes, float64(n)/1000, 'f', -1, 64)
}

// True writes a boolean, and nothing if it is false.
func (w *Writer) True(name string, is bool) {
	if is {
		w.name(name)
		w.Bytes = append(w.Bytes, "true"...)
	}
}

// Raw writes what is JSON already, and nothing if it is empty.
func (w *Writer) Raw(name string, json []byte) {
	if len(json) > 0 {
		w.name(name)
		w.Bytes = append(w.Bytes, json...)
	}
}

// AppendString appends a string as encoding/json writes it, with <, > and & as they are.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	begin := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = appendEscape(append(b, s[begin:i]...), c)
			i++
			begin = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if text := replacement(r, size); text != "" {
			b = append(append(b, s[begin:i]...), text...)
			begin = i + size
		}
		i += size
	}
	return append(append(b, s[begin:]...), '"')
}

// appendEscape appends a byte that must not stand in a string.
func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// replacement returns what stands for a character, "" for itself: what is no UTF-8, and the separators that JavaScript does
// not take in a string.
func replacement(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return `\ufffd`
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	}
	return ""
}
