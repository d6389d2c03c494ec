package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// parseByTokens is parse with the decoder of encoding/json.
func parseByTokens(text []byte) ([]*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all []*node
	for {
		n := &node{}
		err := n.read(d, 0)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if n.kind != 0 || n.text != "" {
			all = append(all, n)
		}
		if err != nil {
			return all, err
		}
	}
}

// read reads the next value.
func (n *node) read(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		n.kind = t.String()[0]
		return within(n.readMembers(d, depth+1))
	case string:
		n.kind, n.text = '"', t
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = strconv.FormatBool(t)
	default:
		n.text = "null"
	}
	return nil
}

// within makes the end of the text an error: a value has begun.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (n *node) readMembers(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for d.More() {
		name := ""
		if n.kind == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ = t.(string)
		}
		member := &node{}
		if err := member.read(d, depth); err != nil {
			if member.kind != 0 {
				n.add(name, member)
			}
			return err
		}
		n.add(name, member)
	}
	_, err := d.Token()
	return err
}

// FuzzParse compares parse with the decoder of encoding/json: both accept the same, and read the same of it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\u00e4\ud83d\ude00\n"],"a":{},"b":[]}`, `{"a":1}{"b":2} [3]`, `{"a":"x`, `{"a":{"b":[1,2`, `{"a":tru`, `{"a" 1}`, `{"a":1,}`,
		`[1,]`, `01`, `1.`, `-`, `"\x"`, `"\ud800x"`, "\"\xff\"", "\"\x01\"", ``, ` `, `nul`, `nullx`, `1 2`, `12"a"`, `,`, `{"a":1]`, `[}`, `]`, "\"\u2028\"", `{"":""}`,
		`{1:2}`, `"\u12`, `"\`, `1e5`, `1e`, `1E+`, `-01`, `.5`, strings.Repeat("[", 300), strings.Repeat(`{"a":`, 255) + "1", strings.Repeat(`[`, 255) + strings.Repeat(`]`, 255),
	} {
		f.Add([]byte(text))
	}
	paths, _ := filepath.Glob("../genai/testdata/*")
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, gotErr := parse(text)
		want, wantErr := parseByTokens(text)
		if (gotErr != nil) != (wantErr != nil) {
			t.Fatalf("%q: got error %v, want %v", text, gotErr, wantErr)
		}
		if g, w := encodeAll(got), encodeAll(want); g != w {
			t.Fatalf("%q: got %s, want %s", text, g, w)
		}
		if gotErr == nil && len(got) == 1 && !json.Valid(got[0].encode(len(text))) {
			t.Fatalf("%q: not JSON: %s", text, got[0].encode(len(text)))
		}
	})
}

func encodeAll(all []*node) string {
	var b []byte
	for _, n := range all {
		b = append(n.appendTo(b), '\n')
	}
	return string(b)
}
