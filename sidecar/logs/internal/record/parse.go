package record

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// A Parser takes a line apart. It appends names and values in MessagePack to dst, calls field for each whose value is a
// string or a number, and returns their count; false if the line is not of its form. When field returns false, the name
// and its value are left out.
type Parser interface {
	parse(dst, line []byte, field func(name, value string) (keep bool)) (out []byte, count int, ok bool)
}

// ParseParser returns the parser json, or that of a regular expression whose groups have names.
func ParseParser(text string) (Parser, error) {
	if text == "json" {
		return jsonParser{}, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errors.New("want json or a regular expression (RE2)")
	}
	p := regexpParser{re: re, names: re.SubexpNames()}
	for _, name := range p.names {
		if name != "" {
			return p, nil
		}
	}
	return nil, errors.New("want json or a regular expression with named groups: (?P<name>...)")
}

// Gives reports whether a parser can find a field of this name.
func Gives(p Parser, name string) bool {
	re, ok := p.(regexpParser)
	return !ok || slices.Contains(re.names, name)
}

// parse parses a line, and takes its time.
func (e *Encoder) parse(dst, line []byte, at *time.Time) (out []byte, count int, ok bool) {
	out, count, ok = e.o.Parse.parse(dst, line, func(name, value string) bool {
		if e.o.Time.Key == "" || name != e.o.Time.Key {
			return true
		}
		t, ok := e.o.Time.Format.parse(value)
		if !ok {
			return true
		}
		*at = t
		return e.o.Time.Keep
	})
	if !ok {
		e.Stats.Unparsed++
	}
	return out, count, ok
}

type regexpParser struct {
	re    *regexp.Regexp
	names []string
}

func (p regexpParser) parse(dst, line []byte, field func(name, value string) bool) (out []byte, count int, ok bool) {
	at := p.re.FindSubmatchIndex(line)
	if at == nil {
		return dst, 0, false
	}
	for i, name := range p.names {
		if name == "" || at[2*i] < 0 {
			continue
		}
		value := line[at[2*i]:at[2*i+1]]
		if field(name, string(value)) {
			dst = msgp.AppendStringFromBytes(msgp.AppendString(dst, name), value)
			count++
		}
	}
	return dst, count, true
}

type jsonParser struct{}

var errForm = errors.New("not of the form")

func (jsonParser) parse(dst, line []byte, field func(name, value string) bool) (out []byte, count int, ok bool) {
	if len(bytes.TrimLeft(line, " \t")) == 0 || bytes.TrimLeft(line, " \t")[0] != '{' {
		return dst, 0, false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return dst, 0, false
	}
	for d.More() {
		before := len(dst)
		name, err := d.Token()
		text, isText := name.(string)
		if err != nil || !isText {
			return dst, 0, false
		}
		dst = msgp.AppendString(dst, text)
		value, err := d.Token()
		if err != nil {
			return dst, 0, false
		}
		if scalar, ok := scalarText(value); ok && !field(text, scalar) {
			dst = dst[:before]
			continue
		}
		if dst, err = appendValue(dst, d, value, 1); err != nil {
			return dst, 0, false
		}
		count++
	}
	if _, err := d.Token(); err != nil {
		return dst, 0, false
	}
	_, err := d.Token()
	return dst, count, errors.Is(err, io.EOF)
}

func scalarText(token json.Token) (string, bool) {
	switch v := token.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// maxNesting is how deep a value may be.
const maxNesting = 64

// appendValue appends the value that begins with a token.
func appendValue(dst []byte, d *json.Decoder, token json.Token, depth int) ([]byte, error) {
	switch v := token.(type) {
	case nil:
		return msgp.AppendNil(dst), nil
	case bool:
		return msgp.AppendBool(dst, v), nil
	case string:
		return msgp.AppendString(dst, v), nil
	case json.Number:
		return appendNumber(dst, v.String()), nil
	case json.Delim:
		if depth < maxNesting {
			return appendNested(dst, d, v == '{', depth+1)
		}
	}
	return dst, errForm
}

func appendNumber(dst []byte, text string) []byte {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return msgp.AppendInt64(dst, n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return msgp.AppendUint64(dst, n)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return msgp.AppendString(dst, text) // it is too large
	}
	return msgp.AppendFloat64(dst, n)
}

// appendNested appends an array or a map, whose length is known at its end.
func appendNested(dst []byte, d *json.Decoder, object bool, depth int) ([]byte, error) {
	head := len(dst)
	if dst = append(dst, 0xdd, 0, 0, 0, 0); object { // array 32, map 32
		dst[head] = 0xdf
	}
	n := uint32(0)
	for ; d.More(); n++ {
		token, err := d.Token()
		if err == nil && object {
			name, ok := token.(string)
			if !ok {
				return dst, errForm
			}
			dst = msgp.AppendString(dst, name)
			token, err = d.Token()
		}
		if err == nil {
			dst, err = appendValue(dst, d, token, depth)
		}
		if err != nil {
			return dst, err
		}
	}
	_, err := d.Token()
	binary.BigEndian.PutUint32(dst[head+1:], n)
	return dst, err
}
