package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/sidecar/logs"
)

const logsDescription = `Follows the log files of an application of the same Pod, and sends each line to a
receiver of Fluent's Forward protocol: Fluentd, Fluent Bit, Vector, OpenTelemetry.

The files are the buffer: only what the receiver acknowledges counts as delivered, and
the position is kept on the volume. Rotation, a receiver that is away, and a restart
lose nothing. On SIGTERM it reads the files to their ends, waits for the last
acknowledgement and exits; with 1 if something is undelivered after --drain-timeout.

In a path, * is a part of a segment and ** any number of directories. In a tag, * is
the path of the file, with dots. With --fluent-bit-config, inputs and outputs come from
a configuration of Fluent Bit; /fluent-bit/etc/fluent-bit.conf is read if it exists and
there is no --path. POD_NAME, POD_NAMESPACE and NODE_NAME go into the records.

EXAMPLES:
   inith sidecar logs --path '/var/log/app/*.log' --forward fluentd:24224
   inith sidecar logs --fluent-bit-config /fluent-bit/etc/fluent-bit.conf`

type logsOptions struct {
	sidecarOptions

	input  logs.Input
	output logs.Output
	common logs.Options

	secure                bool
	tls                   tlsconfig.TLS
	stdout                bool
	file                  string
	keyFile, passwordFile string
	config                string
	warnings              []error // of the configuration
	strict                bool
}

func logsTable(env environment.Variables) option.Table[*logsOptions] {
	rows := logsFileRows()
	for _, more := range [][]option.Option[*logsOptions]{logsRecordRows(), logsOutputRows(), logsLimitRows()} {
		rows = append(rows, more...)
	}
	rows = append(rows, option.Within(tlsOptions(), func(o *logsOptions) *tlsconfig.TLS { return &o.tls })...)
	rows = append(rows, option.Within(sidecarOptionRows("127.0.0.1:9602"), func(o *logsOptions) *sidecarOptions { return &o.sidecarOptions })...)
	for i := range rows {
		rows[i].Key = option.NoKey
	}
	return option.Table[*logsOptions]{Options: rows, Check: func(o *logsOptions, given option.Given) error {
		if len(given.Args) > 0 {
			return errors.New("sidecar logs takes no argument")
		}
		return errors.Join(checkLinger(given, o.common.Linger, o.drain), o.check(env, given))
	}}
}

func logsFileRows() []option.Option[*logsOptions] {
	type o = logsOptions
	return []option.Option[*o]{
		{
			Flag: "path", Kind: option.Strings,
			Usage: "follow the files that match this `PATTERN`",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.input.Paths }),
		},
		{
			Flag: "exclude", Kind: option.Strings,
			Usage: "leave out the files that match this `PATTERN`",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.input.Exclude }),
		},
		{
			Flag: "tag", DefaultText: "*",
			Usage: "the `TAG` of the records; * in it is the path of the file",
			Set:   option.ToString(func(o *o) *string { return &o.input.Tag }),
		},
		{
			Flag: "from", Default: "head", Choices: []string{"head", "end"},
			Usage: "`WHERE` to begin with the files of the first start: head or end",
			Set: func(o *o, v option.Value) error {
				o.input.FromEnd = v.Str == "end"
				return nil
			},
		},
		{
			Flag: "state", DefaultText: ".inith next to the files",
			Usage: "keep the positions in this `DIRECTORY`",
			Set:   option.ToString(func(o *o) *string { return &o.common.State }),
		},
		{
			Flag: "outside-links", Kind: option.Bool,
			Usage: "follow symbolic links that lead out of the directory of --path",
			Set:   option.ToBool(func(o *o) *bool { return &o.input.Outside }),
		},
		{
			Flag:  "fluent-bit-config",
			Usage: "take inputs and outputs from this `FILE` of Fluent Bit", Excludes: []string{"path", "forward", "stdout", "file"},
			Set: option.ToString(func(o *o) *string { return &o.config }),
		},
		{
			Flag: "strict", Kind: option.Bool,
			Usage: "refuse a configuration of Fluent Bit with keys that inith does not know",
			Set:   option.ToBool(func(o *o) *bool { return &o.strict }),
		},
	}
}

func logsRecordRows() []option.Option[*logsOptions] {
	type o = logsOptions
	return []option.Option[*o]{
		{
			Flag: "key", Default: "log",
			Usage: "the `NAME` of the line in the record",
			Set:   option.ToString(func(o *o) *string { return &o.input.Key }),
		},
		{
			Flag: "line-limit", Kind: option.Size, Default: "1MiB",
			Usage: "a line has at most this `SIZE`",
			Set: func(o *o, v option.Value) error {
				o.input.LineLimit = int(v.Int)
				return nil
			},
		},
		{
			Flag: "long-lines", Default: "split", Choices: []string{"split", "cut", "skip"},
			Usage: "`WHAT` becomes of longer lines: split, cut or skip",
			Set:   option.ToString(func(o *o) *string { return &o.input.LongLines }),
		},
		{
			Flag:  "multiline",
			Usage: "join lines: stack traces of python, java or go, or a `REGEXP` that matches the first line of each record",
			Set:   option.ToString(func(o *o) *string { return &o.input.Multiline }),
		},
		{
			Flag:  "parse",
			Usage: "take lines apart: json, or a `REGEXP` with named groups",
			Set:   option.ToString(func(o *o) *string { return &o.input.Parse }),
		},
		{
			Flag:  "time-key",
			Usage: "take the time of a record from the field `NAME`, and remove that",
			Set:   option.ToString(func(o *o) *string { return &o.input.TimeKey }),
		},
		{
			Flag: "time-format", Default: "rfc3339",
			Usage: "the `FORMAT` of the time: rfc3339, unix, unix-ms, or as strptime has it",
			Set:   option.ToString(func(o *o) *string { return &o.input.TimeForm }),
		},
		{
			Flag: "add", Kind: option.Strings,
			Usage: "add a field to each record: `KEY=VALUE`",
			Set: func(o *o, v option.Value) error {
				name, value, ok := strings.Cut(v.Str, "=")
				if !ok || name == "" {
					return errors.New("want KEY=VALUE")
				}
				o.input.Fields = append(o.input.Fields, logs.Field{Name: name, Value: value})
				return nil
			},
		},
		{
			Flag:  "path-key",
			Usage: "add the path of the file as the field `NAME`",
			Set:   option.ToString(func(o *o) *string { return &o.input.PathKey }),
		},
		{
			Flag:  "offset-key",
			Usage: "add the offset of the line as the field `NAME`",
			Set:   option.ToString(func(o *o) *string { return &o.input.OffsetKey }),
		},
	}
}

func logsOutputRows() []option.Option[*logsOptions] {
	type o = logsOptions
	return []option.Option[*o]{
		{
			Flag: "forward", Kind: option.Strings,
			Usage: "send to the receiver at this `HOST:PORT`; of several, the first that answers",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.output.Addresses }),
		},
		{
			Flag: "stdout", Kind: option.Bool,
			Usage: "write the records to stdout, a line of JSON each",
			Set:   option.ToBool(func(o *o) *bool { return &o.stdout }),
		},
		{
			Flag:  "file",
			Usage: "append the records to this `FILE`, a line of JSON each",
			Set:   option.ToString(func(o *o) *string { return &o.file }),
		},
		{
			Flag: "no-ack", Kind: option.Bool,
			Usage: "do not wait for acknowledgements: a connection that breaks loses lines",
			Set:   option.ToBool(func(o *o) *bool { return &o.output.NoAck }),
		},
		{
			Flag: "compress", Default: "none", Choices: []string{"none", "gzip"},
			Usage: "compress what is sent: `HOW` is none or gzip",
			Set: func(o *o, v option.Value) error {
				o.output.Gzip = v.Str == "gzip"
				return nil
			},
		},
		{
			Flag: "forward-timeout", Kind: option.Duration, Default: "30s",
			Usage: "give up a connection that is not made, or a chunk that is not acknowledged, within this `TIME`",
			Set:   option.ToFiniteDuration(func(o *o) *time.Duration { return &o.output.Timeout }),
		},
		{
			Flag: "tls", Kind: option.Bool,
			Usage: "connect with TLS",
			Set:   option.ToBool(func(o *o) *bool { return &o.secure }),
		},
		{
			Flag:  "shared-key-file",
			Usage: "log in with the key in this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.keyFile }),
		},
		{
			Flag:  "user",
			Usage: "log in as this `USER`, if the receiver asks",
			Set:   option.ToString(func(o *o) *string { return &o.output.User }),
		},
		{
			Flag:  "password-file",
			Usage: "log in with the password in this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.passwordFile }),
		},
	}
}

func logsLimitRows() []option.Option[*logsOptions] {
	type o = logsOptions
	return []option.Option[*o]{
		{
			Flag: "flush", Kind: option.Duration, Default: "1s",
			Usage: "gather lines for this `TIME`",
			Set:   option.ToFiniteDuration(func(o *o) *time.Duration { return &o.common.Flush }),
		},
		{
			Flag: "rotate-wait", Kind: option.Duration, Default: "5s",
			Usage: "close a renamed or deleted file that has not grown for this `TIME`",
			Set:   option.ToFiniteDuration(func(o *o) *time.Duration { return &o.common.RotateWait }),
		},
		{
			Flag: "held-max", Kind: option.Size, Default: "256MiB",
			Usage: "keep at most this `SIZE` of undelivered lines in deleted files",
			Set:   option.ToSize(func(o *o) *int64 { return &o.common.HeldBytes }),
		},
		{
			Flag: "linger", Default: "0s", // not a Duration, which is never zero
			Usage: "after a signal, follow the files for at least this `TIME`",
			Set:   option.Parsed(parseLinger, func(o *o) *time.Duration { return &o.common.Linger }),
		},
	}
}

// fluentBitConfig is where the image of Fluent Bit has its configuration.
const fluentBitConfig = "/fluent-bit/etc/fluent-bit.conf"

// check completes the options.
func (o *logsOptions) check(env environment.Variables, given option.Given) error {
	o.addPod(env)
	if o.config == "" && len(o.input.Paths) == 0 {
		if info, err := os.Stat(fluentBitConfig); err != nil || !info.Mode().IsRegular() {
			return errors.New("nothing to follow: name files with --path, or a configuration with --fluent-bit-config")
		}
		o.config = fluentBitConfig
	}
	if o.config != "" {
		return o.readConfig(env, given)
	}
	o.input.Tag = cmp.Or(o.input.Tag, "*")
	if !o.secure && o.tls != (tlsconfig.TLS{}) {
		return errors.New("certificates need --tls")
	}
	if o.secure {
		secure := logs.TLS(o.tls)
		o.output.TLS = &secure
	}
	if err := o.tls.Check(); err != nil {
		return err
	}
	if o.keyFile != "" {
		o.output.SharedKey = secretFile("--shared-key-file", o.keyFile)
	}
	if (o.output.User == "") != (o.passwordFile == "") {
		return errors.New("--user and --password-file need each other")
	}
	if o.passwordFile != "" {
		o.output.UserPassword = secretFile("--password-file", o.passwordFile)
	}
	return o.addOutputs()
}

// readConfig takes inputs and outputs from a configuration of Fluent Bit. Options that have no effect with it are errors;
// the others go before what it says.
func (o *logsOptions) readConfig(env environment.Variables, given option.Given) error {
	var idle []string
	for _, id := range replacedByConfig() {
		if given.Has(id) {
			idle = append(idle, given.Name(id))
		}
	}
	if len(idle) > 0 {
		return fmt.Errorf("%s: the configuration decides: set this in %s", strings.Join(idle, ", "), o.config)
	}
	read, warnings, err := logs.ReadFluentBit(o.config, env.Lookup)
	if err != nil {
		return err
	}
	if o.warnings = warnings; o.strict && len(warnings) > 0 {
		return errors.Join(warnings...)
	}
	for i := range read.Inputs {
		read.Inputs[i].Fields = append(read.Inputs[i].Fields, o.input.Fields...)
		read.Inputs[i].Outside, read.Inputs[i].LineLimit = o.input.Outside, o.input.LineLimit
	}
	for i := range read.Outputs {
		read.Outputs[i].Timeout = o.output.Timeout
	}
	o.common.Inputs, o.common.Outputs = read.Inputs, read.Outputs
	o.common.State = cmp.Or(o.common.State, read.State)
	if !given.Has("flush") {
		o.common.Flush = cmp.Or(read.Flush, o.common.Flush)
	}
	if !given.Has("rotate-wait") {
		o.common.RotateWait = cmp.Or(read.RotateWait, o.common.RotateWait)
	}
	return nil
}

// replacedByConfig returns the IDs of the options in whose place a configuration of Fluent Bit stands: all that describe
// inputs, records and outputs, except those that it cannot say.
func replacedByConfig() []string {
	ids := []string{"exclude", "tag", "from"}
	tls := option.Within(tlsOptions(), func(o *logsOptions) *tlsconfig.TLS { return &o.tls })
	for _, row := range slices.Concat(logsRecordRows(), logsOutputRows(), tls) {
		if id := row.ID(); !slices.Contains([]string{"add", "line-limit", "forward-timeout"}, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// addOutputs collects the outputs that are asked for.
func (o *logsOptions) addOutputs() error {
	if len(o.output.Addresses) > 0 {
		o.output.Kind = logs.Forward
		o.common.Outputs = append(o.common.Outputs, o.output)
	}
	if o.stdout {
		o.common.Outputs = append(o.common.Outputs, logs.Output{Kind: logs.Stdout})
	}
	if o.file != "" {
		o.common.Outputs = append(o.common.Outputs, logs.Output{Kind: logs.File, Path: o.file})
	}
	if len(o.common.Outputs) == 0 {
		return errors.New("nowhere to deliver: name a receiver with --forward, or --stdout or --file")
	}
	o.common.Inputs = append(o.common.Inputs, o.input)
	return nil
}

// addPod adds the identity of the Pod to the records, under the names of Fluent Bit's filter.
func (o *logsOptions) addPod(env environment.Variables) {
	for _, f := range [][2]string{{"POD_NAME", "pod_name"}, {"POD_NAMESPACE", "namespace_name"}, {"NODE_NAME", "host"}} {
		if value, _ := env.Get(f[0]); value != "" {
			o.input.Fields = append(o.input.Fields, logs.Field{Name: f[1], Value: value, In: "kubernetes"})
		}
	}
}

// secretFile returns a function that reads a secret, since it may be replaced.
func secretFile(flag, path string) func() (string, error) {
	return func() (string, error) { return credentials.ReadSecret(flag, path) }
}

func logsCommand(c *call) *definition {
	return define(c, spec[*logsOptions]{
		usage:       []string{"inith sidecar logs [OPTION...]"},
		description: func() string { return logsDescription },
		table:       logsTable(c.env),
		open: func(ctx context.Context, s session, o *logsOptions, _ option.Given) (job, error) {
			return openLogs(ctx, s, o)
		},
	})
}

func openLogs(ctx context.Context, s session, o *logsOptions) (job, error) {
	o.common.Logger = s.Lines
	for _, w := range o.warnings {
		s.Lines.WarnContext(ctx, "configuration", "err", w)
	}
	for i := range o.common.Outputs {
		if out := &o.common.Outputs[i]; out.HostName == "" {
			out.HostName, _ = s.env.Get("HOSTNAME")
		}
	}
	c, err := logs.New(o.common)
	if err != nil {
		return nil, err
	}
	return openSidecar(s, o.sidecarOptions, c, c.Gatherer()), nil
}
