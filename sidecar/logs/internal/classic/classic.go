// Package classic reads the configuration files of Fluent Bit in their "classic" format: sections with indented keys,
// @INCLUDE, @SET and ${VARIABLE}.
// https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/classic-mode
package classic

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

// A Section is one plugin, or the service.
type Section struct {
	Name    string // in lower case: service, input, output, ...
	At      diag.Position
	Entries []Entry
}

// An Entry is a key and its value.
type Entry struct {
	Key   string // in lower case
	Value string
	At    diag.Position
}

const (
	maxDepth = 8       // of files that include each other
	maxSize  = 1 << 20 // bytes of all files
)

// A Reader reads a file and those that it includes.
type Reader struct {
	Lookup func(name string) (value string, set bool) // a variable

	Sections []Section
	Unset    []*diag.Error // variables that are not set

	variables map[string]string // of @SET
	size      int
}

// Read reads a file. Its errors quote no value.
func (r *Reader) Read(name string) error { return r.read(name, 0) }

func (r *Reader) read(name string, depth int) error {
	b, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return usererr.File("configuration", name, err)
	}
	if r.size += len(b); r.size > maxSize || depth > maxDepth {
		return &diag.Error{Position: diag.Position{File: name}, Message: "too large, or included by itself"}
	}
	return r.Parse(name, b, func(pattern string) error { return r.include(name, pattern, depth) })
}

// include reads the files that a pattern names, relative to the file that includes them.
func (r *Reader) include(from, pattern string, depth int) error {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		return errors.New("@INCLUDE: no such file")
	}
	for _, name := range names {
		if err := r.read(name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Parse parses a file. It calls include for each @INCLUDE.
func (r *Reader) Parse(name string, b []byte, include func(pattern string) error) error {
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, maxSize+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at := diag.Position{File: name, Line: n}
		if err := r.line(line, at, include); err != nil {
			if _, ok := errors.AsType[*diag.Error](err); ok {
				return err
			}
			return diag.At(at, err)
		}
	}
	return lines.Err()
}

func (r *Reader) line(line string, at diag.Position, include func(string) error) error {
	if line[0] == '[' {
		name, ok := strings.CutSuffix(line[1:], "]")
		if !ok {
			return errors.New("want a section: [NAME]")
		}
		r.Sections = append(r.Sections, Section{Name: strings.ToLower(strings.TrimSpace(name)), At: at})
		return nil
	}
	key, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	value = r.expand(strings.TrimSpace(value), at)
	switch strings.ToLower(key) {
	case "@include":
		return include(value)
	case "@set":
		name, value, ok := strings.Cut(value, "=")
		if !ok {
			return errors.New("want @SET NAME=VALUE")
		}
		if r.variables == nil {
			r.variables = map[string]string{}
		}
		r.variables[strings.TrimSpace(name)] = strings.TrimSpace(value)
		return nil
	}
	if len(r.Sections) == 0 {
		return errors.New("a key outside a section; if this is YAML, write it in the classic format, or use options")
	}
	last := &r.Sections[len(r.Sections)-1]
	last.Entries = append(last.Entries, Entry{Key: strings.ToLower(key), Value: value, At: at})
	return nil
}

// expand replaces ${NAME}. A variable that is not set is empty, and noted.
func (r *Reader) expand(value string, at diag.Position) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(value, "${")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !ok || !closed {
			b.WriteString(value[len(before):])
			return b.String()
		}
		text, set := r.variables[name]
		if !set && r.Lookup != nil {
			text, set = r.Lookup(name)
		}
		if !set {
			r.Unset = append(r.Unset, &diag.Error{Position: at, Message: fmt.Sprintf("the variable %.64q is not set", name)})
		}
		b.WriteString(text)
		value = after
	}
}
