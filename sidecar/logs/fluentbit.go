package logs

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/sidecar/logs/internal/classic"
)

// ReadFluentBit reads a configuration of Fluent Bit in its classic format: inputs of tail, outputs forward, stdout, file
// and null, @INCLUDE, @SET and ${VARIABLE}, which lookup resolves. The warnings, with file and line, say what has no effect
// here. Its errors say what cannot be done here. Neither quotes a value.
func ReadFluentBit(name string, lookup func(name string) (value string, set bool)) (o Options, warnings []error, err error) {
	r := classic.Reader{Lookup: lookup}
	if err := r.Read(name); err != nil {
		return o, nil, err
	}
	b := fluentBit{o: &o}
	for _, w := range r.Unset {
		b.warnings = append(b.warnings, w)
	}
	for _, s := range r.Sections {
		b.section(s)
	}
	if len(b.errors) == 0 && len(o.Inputs) == 0 {
		b.errors = append(b.errors, &diag.Error{Position: diag.Position{File: name}, Message: "no input: want [INPUT] with Name tail"})
	}
	if len(b.errors) == 0 && len(o.Outputs) == 0 {
		b.errors = append(b.errors, &diag.Error{Position: diag.Position{File: name}, Message: "no output: want [OUTPUT] with Name forward"})
	}
	return o, b.warnings, errors.Join(b.errors...)
}

// fluentBit collects what a configuration says.
type fluentBit struct {
	o        *Options
	warnings []error
	errors   []error
}

func (b *fluentBit) section(s classic.Section) {
	switch s.Name {
	case "service":
		apply(b, s, serviceKeys(), b.o)
	case "input":
		if b.plugin(s, "tail") == "" {
			return
		}
		in := fluentBitInput{Input: Input{Across: true}}
		apply(b, s, inputKeys(), &in)
		in.Tag = cmp.Or(in.Tag, "tail.0")
		b.o.Inputs = append(b.o.Inputs, in.Input)
		b.o.State, b.o.RotateWait = cmp.Or(b.o.State, in.state), cmp.Or(b.o.RotateWait, in.rotateWait)
	case "output":
		kind := b.plugin(s, "forward", "stdout", "file", "null")
		if kind == "" {
			return
		}
		out := fluentBitOutput{Output: Output{Kind: Kind(kind)}, host: "127.0.0.1", port: "24224"}
		apply(b, s, outputKeys(), &out)
		done, err := out.output()
		if err != nil {
			b.errors = append(b.errors, diag.At(s.At, err))
		}
		b.o.Outputs = append(b.o.Outputs, done)
	default:
		b.warnings = append(b.warnings, &diag.Error{Position: s.At, Message: fmt.Sprintf("section%s is ignored", redact.Quoted(s.Name))})
	}
}

// plugin returns the name of the plugin of a section, "" if it is none of those.
func (b *fluentBit) plugin(s classic.Section, known ...string) string {
	for _, e := range s.Entries {
		if e.Key != "name" {
			continue
		}
		for _, k := range known {
			if strings.EqualFold(e.Value, k) {
				return k
			}
		}
		b.errors = append(b.errors, &diag.Error{Position: e.At, Message: fmt.Sprintf("%s: inith has only %s", s.Name, strings.Join(known, ", "))})
		return ""
	}
	b.errors = append(b.errors, &diag.Error{Position: s.At, Message: s.Name + " has no Name"})
	return ""
}

// A setter takes over the value of a key. nil: the key has no effect here, and need not have one.
type setter[T any] func(t *T, value string) error

// errNoEffect is a warning: what the value asks for is not there.
var errNoEffect = errors.New("has no effect here")

// apply sets the keys of a section, except its name.
func apply[T any](b *fluentBit, s classic.Section, keys map[string]setter[T], t *T) {
	for _, e := range s.Entries {
		set, known := keys[e.Key]
		switch {
		case e.Key == "name" || e.Key == "alias":
		case !known:
			names := make([]string, 0, len(keys))
			for name := range keys {
				names = append(names, name)
			}
			b.warnings = append(b.warnings, &diag.Error{Position: e.At, Message: fmt.Sprintf("key%s is not known%s", redact.Quoted(e.Key), suggest.DidYouMean(e.Key, names))})
		case set != nil:
			err := set(t, e.Value)
			if errors.Is(err, errNoEffect) {
				b.warnings = append(b.warnings, &diag.Error{Position: e.At, Message: fmt.Sprintf("%s: %s", e.Key, err)})
			} else if err != nil {
				b.errors = append(b.errors, &diag.Error{Position: e.At, Message: fmt.Sprintf("%s: %s", e.Key, err), Err: err})
			}
		}
	}
}

// without are keys of which nothing need be said: what they tune is not there, or goes without them.
func without[T any](keys map[string]setter[T], names ...string) map[string]setter[T] {
	for _, name := range names {
		keys[name] = nil
	}
	return keys
}

func serviceKeys() map[string]setter[Options] {
	return without(map[string]setter[Options]{
		"flush": func(o *Options, v string) (err error) { o.Flush, err = seconds(v); return err },
	}, "daemon", "log_level", "log_file", "grace", "http_server", "http_listen", "http_port", "health_check", "hot_reload",
		"storage.path", "storage.sync", "storage.checksum", "storage.max_chunks_up", "storage.backlog.mem_limit", "storage.metrics",
		"scheduler.cap", "scheduler.base", "coro_stack_size", "json.convert_nan_to_null", "parsers_file", "plugins_file")
}

// A fluentBitInput is an [Input], and what all inputs have here.
type fluentBitInput struct {
	Input

	state      string
	rotateWait time.Duration
}

func inputKeys() map[string]setter[fluentBitInput] {
	type in = fluentBitInput
	text := func(at func(*in) *string) setter[in] {
		return func(i *in, v string) error { *at(i) = v; return nil }
	}
	list := func(at func(*in) *[]string) setter[in] {
		return func(i *in, v string) error {
			for part := range strings.SplitSeq(v, ",") {
				*at(i) = append(*at(i), strings.TrimSpace(part))
			}
			return nil
		}
	}
	return without(map[string]setter[in]{
		"path":         list(func(i *in) *[]string { return &i.Paths }),
		"exclude_path": list(func(i *in) *[]string { return &i.Exclude }),
		"tag":          text(func(i *in) *string { return &i.Tag }),
		"key":          text(func(i *in) *string { return &i.Key }),
		"path_key":     text(func(i *in) *string { return &i.PathKey }),
		"offset_key":   text(func(i *in) *string { return &i.OffsetKey }),
		"read_from_head": func(i *in, v string) error {
			head, err := boolean(v)
			i.FromEnd = !head
			return err
		},
		"rotate_wait": func(i *in, v string) (err error) { i.rotateWait, err = seconds(v); return err },
		"db":          func(i *in, v string) error { i.state = filepath.Dir(v); return nil },
		"skip_long_lines": func(i *in, v string) error {
			skip, err := boolean(v)
			if skip {
				i.LongLines = "skip"
			}
			return err
		},
		"truncate_long_lines": func(i *in, v string) error {
			cut, err := boolean(v)
			if cut {
				i.LongLines = "cut"
			}
			return err
		},
		"parser": func(i *in, v string) error {
			if v != "json" {
				return fmt.Errorf("a parser other than json %w", errNoEffect)
			}
			i.Parse = v
			return nil
		},
		"multiline.parser": func(i *in, v string) error {
			if v != "python" && v != "java" && v != "go" {
				return fmt.Errorf("a parser other than python, java and go %w", errNoEffect)
			}
			i.Multiline = v
			return nil
		},
	}, "refresh_interval", "watcher_interval", "progress_check_interval", "buffer_chunk_size", "buffer_max_size", "mem_buf_limit",
		"static_batch_size", "event_batch_size", "db.sync", "db.locking", "db.journal_mode", "db.compare_filename",
		"inotify_watcher", "storage.type", "storage.pause_on_chunks_overlimit", "threaded")
}

// A fluentBitOutput is an [Output], and what is said of it in pieces.
type fluentBitOutput struct {
	Output

	host, port  string
	tls         bool
	secure      TLS
	dir, file   string
	key, secret string
}

func outputKeys() map[string]setter[fluentBitOutput] {
	type out = fluentBitOutput
	text := func(at func(*out) *string) setter[out] {
		return func(o *out, v string) error { *at(o) = v; return nil }
	}
	flag := func(at func(*out) *bool, wanted bool) setter[out] {
		return func(o *out, v string) error {
			on, err := boolean(v)
			*at(o) = on == wanted
			return err
		}
	}
	return without(map[string]setter[out]{
		"match":                text(func(o *out) *string { return &o.Match }),
		"match_regex":          func(*out, string) error { return errors.New("is not supported: use Match") },
		"host":                 text(func(o *out) *string { return &o.host }),
		"port":                 text(func(o *out) *string { return &o.port }),
		"upstream":             func(*out, string) error { return errors.New("is not supported: use --forward for each receiver") },
		"unix_path":            func(*out, string) error { return errors.New("is not supported: use Host and Port") },
		"tls":                  flag(func(o *out) *bool { return &o.tls }, true),
		"tls.verify":           flag(func(o *out) *bool { return &o.secure.SkipVerify }, false),
		"tls.ca_file":          text(func(o *out) *string { return &o.secure.CAFile }),
		"tls.crt_file":         text(func(o *out) *string { return &o.secure.CertFile }),
		"tls.key_file":         text(func(o *out) *string { return &o.secure.KeyFile }),
		"tls.vhost":            text(func(o *out) *string { return &o.secure.ServerName }),
		"require_ack_response": flag(func(o *out) *bool { return &o.NoAck }, false),
		"compress": func(o *out, v string) error {
			if o.Gzip = strings.EqualFold(v, "gzip"); !o.Gzip {
				return fmt.Errorf("compression other than gzip %w", errNoEffect)
			}
			return nil
		},
		"shared_key":    text(func(o *out) *string { return &o.key }),
		"username":      text(func(o *out) *string { return &o.User }),
		"password":      text(func(o *out) *string { return &o.secret }),
		"self_hostname": text(func(o *out) *string { return &o.HostName }),
		"path":          text(func(o *out) *string { return &o.dir }),
		"file":          text(func(o *out) *string { return &o.file }),
		"format": func(_ *out, v string) error {
			if v != "json_lines" {
				return fmt.Errorf("a format other than json_lines %w", errNoEffect)
			}
			return nil
		},
	}, "retry_limit", "workers", "send_options", "time_as_integer", "net.keepalive", "net.keepalive_idle_timeout", "net.connect_timeout",
		"net.dns.mode", "net.dns.resolver", "net.max_worker_connections", "storage.total_limit_size", "mkdir")
}

// output puts the pieces together.
func (o *fluentBitOutput) output() (Output, error) {
	switch o.Kind {
	case Forward:
		o.Addresses = []string{net.JoinHostPort(o.host, o.port)}
		if o.tls {
			o.TLS = &o.secure
		}
		if o.key != "" {
			o.SharedKey = func() (string, error) { return o.key, nil }
			o.UserPassword = func() (string, error) { return o.secret, nil }
		}
	case File:
		if o.file == "" {
			return o.Output, errors.New("output file: want File, the name of the file")
		}
		o.Path = filepath.Join(o.dir, o.file)
	}
	return o.Output, nil
}

// seconds reads a time: a number of seconds, or one with a unit.
func seconds(v string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(v, 64); err == nil && n > 0 && n < 1e6 {
		return time.Duration(n * float64(time.Second)), nil
	}
	if d, err := time.ParseDuration(v); err == nil && d > 0 {
		return d, nil
	}
	return 0, errors.New("want a time in seconds")
}

func boolean(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1":
		return true, nil
	case "off", "false", "no", "0":
		return false, nil
	}
	return false, errors.New("want On or Off")
}
