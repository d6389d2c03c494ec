package logs

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/sidecar/logs/internal/output"
	"github.com/inith/inith/sidecar/logs/internal/record"
	"github.com/inith/inith/sidecar/logs/internal/tail"
)

const (
	maxFiles = 4096 // that an input follows
	maxHeld  = 1024 // renamed or deleted files that an input keeps open
)

// An input is an [Input] at work.
type input struct {
	tag      string
	tail     tail.Options
	encoder  *record.Encoder
	limit    int // bytes of a line
	follower *tail.Follower
	files    []*tail.File
	next     int // index of the file whose turn it is
}

// newInput checks an input. Its error says what is wrong.
func newInput(in Input, o *Options, index int) (*input, error) {
	i := &input{tag: in.Tag, tail: tail.Options{
		FromEnd: in.FromEnd, Outside: in.Outside, RotateWait: cmp.Or(o.RotateWait, 5*time.Second),
		MaxFiles: maxFiles, MaxHeld: cmp.Or(o.HeldFiles, maxHeld), HeldBytes: cmp.Or(o.HeldBytes, 256<<20),
		StateDir: o.State, Name: "logs", Logger: o.Logger,
	}}
	if index > 0 {
		i.tail.Name += "-" + strconv.Itoa(index+1)
	}
	if in.Tag == "" {
		return nil, errors.New("want a tag")
	}
	var err error
	if i.tail.Patterns, err = parseAll(in.Paths, tail.ParsePattern); err != nil || len(in.Paths) == 0 {
		return nil, cmp.Or(err, errors.New("want a path"))
	}
	exclusion := func(text string) (tail.Exclusion, error) { return tail.ParseExclusion(text, in.Across) }
	if i.tail.Exclude, err = parseAll(in.Exclude, exclusion); err != nil {
		return nil, err
	}
	i.tail.StateDir = cmp.Or(o.State, filepath.Join(i.tail.Patterns[0].Root(), ".inith"))
	options, err := in.recordOptions()
	if err != nil {
		return nil, err
	}
	i.limit = options.Limit
	i.encoder, err = record.NewEncoder(options)
	return i, err
}

func parseAll[T any](texts []string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for _, text := range texts {
		p, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func (in *Input) recordOptions() (o record.Options, err error) {
	o = record.Options{
		Key: cmp.Or(in.Key, "log"), Limit: cmp.Or(in.LineLimit, 1<<20), Long: cmp.Or(record.Long(in.LongLines), record.Split),
		PathKey: in.PathKey, OffsetKey: in.OffsetKey,
	}
	if !slices.Contains([]record.Long{record.Split, record.Cut, record.Skip}, o.Long) {
		return o, errors.New("long lines: want split, cut or skip")
	}
	if o.Limit < 16 || o.Limit > 16<<20 {
		return o, errors.New("limit of a line: want 16B to 16MiB")
	}
	for _, f := range in.Fields {
		o.Fields = append(o.Fields, record.Field(f))
	}
	if in.Multiline != "" {
		if o.Multiline, err = record.ParseMachine(in.Multiline); err != nil {
			return o, fmt.Errorf("multiline: %w", err)
		}
	}
	if in.Parse != "" {
		if o.Parse, err = record.ParseParser(in.Parse); err != nil {
			return o, fmt.Errorf("parse: %w", err)
		}
		if in.TimeKey != "" && !record.Gives(o.Parse, in.TimeKey) {
			return o, fmt.Errorf("time key: the regular expression has no group %q", in.TimeKey)
		}
	} else if in.TimeKey != "" {
		return o, errors.New("a time key needs lines that are parsed")
	}
	o.Time = record.Time{Key: in.TimeKey, Keep: in.TimeKeep}
	if o.Time.Format, err = record.ParseFormat(in.TimeForm); err != nil {
		return o, fmt.Errorf("time format: %w", err)
	}
	return o, nil
}

// tagOf returns the tag of a file. As Fluent Bit does, it writes dots for what separates the segments of a path.
func (i *input) tagOf(path string) string {
	before, after, ok := strings.Cut(i.tag, "*")
	if !ok {
		return i.tag
	}
	dotted := strings.NewReplacer("/", ".", "\\", ".", ":", ".").Replace(path)
	for strings.Contains(dotted, "..") {
		dotted = strings.ReplaceAll(dotted, "..", ".")
	}
	if before == "" || strings.HasSuffix(before, ".") {
		dotted = strings.TrimPrefix(dotted, ".")
	}
	return before + dotted + after
}

// A sink is an [Output] at work.
type sink struct {
	match   string
	output  output.Output
	forward *output.Forward // nil for other kinds
	in      chan *output.Chunk
}

// newSink checks an output.
func newSink(out Output, o *Options, stdout output.Output) (*sink, error) {
	s := &sink{match: cmp.Or(out.Match, "*"), in: make(chan *output.Chunk, maxInFlight)}
	switch out.Kind {
	case Stdout:
		s.output = stdout
	case File:
		if out.Path == "" {
			return nil, errors.New("output file: want a path")
		}
		s.output = &output.Lines{Path: out.Path, Logger: o.Logger}
	case Null:
		s.output = output.Discard{}
	case Forward:
		f, err := out.forward(o)
		if err != nil {
			return nil, err
		}
		s.output, s.forward = f, f
	default:
		return nil, fmt.Errorf("output %q: want forward, stdout, file or null", out.Kind)
	}
	return s, nil
}

func (out *Output) forward(o *Options) (*output.Forward, error) {
	if len(out.Addresses) == 0 {
		return nil, errors.New("output forward: want the address of a receiver")
	}
	for _, a := range out.Addresses {
		host, port, err := net.SplitHostPort(a)
		if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || host == "" || numErr != nil || n == 0 {
			return nil, errors.New("want host:port for a receiver, such as fluentd:24224")
		}
	}
	f := &output.Forward{
		Addresses: out.Addresses, NoAck: out.NoAck, Gzip: out.Gzip,
		Timeout: cmp.Or(out.Timeout, 30*time.Second), Logger: o.Logger,
	}
	if out.TLS != nil {
		secure := tlsconfig.TLS(*out.TLS)
		if err := secure.Check(); err != nil {
			return nil, err
		}
		f.TLS = &secure
	}
	if out.SharedKey != nil {
		f.Login = &output.Login{Host: cmp.Or(out.HostName, "inith"), SharedKey: out.SharedKey, User: out.User, Password: out.UserPassword}
	} else if out.User != "" {
		return nil, errors.New("a user needs a shared key")
	}
	return f, nil
}

// matches reports whether an output wants a tag: * in its pattern stands for any characters.
func (s *sink) matches(tag string) bool { return wildcard(s.match, tag) }

func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, p)
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
