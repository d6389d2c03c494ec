package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/sidecar/audit"
)

const auditDescription = `Passes HTTP requests to an application of the same Pod, and the answers back,
untouched: HTTP/1.1, HTTP/2 without TLS, gRPC, event streams, WebSocket. Writes a JSON
line for each exchange to the log, with secrets removed. Each line has the hash of the
one before it: "inith sidecar audit verify" finds a line that was changed or removed.

On SIGTERM it completes what has begun and exits. A second signal ends it at once.

A rule is a level and conditions: LEVEL [method=M] [path=PATTERN] [content-type=PATTERN]
[status=404|4xx|500-599]. In a path, * is a part of a segment and ** any number of them.

Without the flags, the environment variables LISTEN_PORT, UPSTREAM_HOST, UPSTREAM_PORT
and AUDIT_LOG_PATH are read; POD_NAME, POD_NAMESPACE and NODE_NAME go into the records.

EXAMPLES:
   inith sidecar audit --upstream 127.0.0.1:8000 --log /audit/requests.jsonl
   inith sidecar audit --level request-response --rule "none path=/healthz"`

type auditOptions struct {
	sidecarOptions
	audit.Options
	keyFile string // of the chain
}

func auditTable(env environment.Variables) option.Table[*auditOptions] {
	rows := auditAddressRows()
	for _, more := range [][]option.Option[*auditOptions]{auditRecordRows(), auditLogRows(), auditLimitRows()} {
		rows = append(rows, more...)
	}
	rows = append(rows, option.Within(sidecarOptionRows("127.0.0.1:9601"), func(o *auditOptions) *sidecarOptions { return &o.sidecarOptions })...)
	return option.Table[*auditOptions]{Options: rows, Check: func(o *auditOptions, given option.Given) error {
		if len(given.Args) > 0 {
			return errors.New("sidecar audit takes no argument")
		}
		return o.fromSeed(env)
	}}
}

func auditAddressRows() []option.Option[*auditOptions] {
	type o = auditOptions
	return []option.Option[*o]{
		{
			Flag: "listen", Key: option.NoKey, DefaultText: ":8080",
			Usage: "serve clients at this `ADDRESS`",
			Set:   option.Parsed(parseAddress, func(o *o) *string { return &o.Listen }),
		},
		{
			Flag: "upstream", Key: option.NoKey, DefaultText: "127.0.0.1:8000",
			Usage: "the `ADDRESS` of the application",
			Set:   option.ToString(func(o *o) *string { return &o.Upstream }),
		},
		{
			Flag: "log", Key: option.NoKey,
			Usage: "write the records to this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.Log.Path }),
		},
	}
}

func auditRecordRows() []option.Option[*auditOptions] {
	type o = auditOptions
	return []option.Option[*o]{
		{
			Flag: "level", Key: option.NoKey, Default: "metadata", Choices: auditLevels(),
			Usage: "record so much of an exchange: `LEVEL` is none, metadata, request or request-response",
			Set: func(o *o, v option.Value) error {
				o.Record.Level = audit.Level(v.Str)
				return nil
			},
		},
		{
			Flag: "rule", Key: option.NoKey, Kind: option.Strings,
			Usage: "give a level to some exchanges; the first `RULE` that matches decides",
			Set: func(o *o, v option.Value) error {
				r, err := audit.ParseRule(v.Str)
				o.Record.Rules = append(o.Record.Rules, r)
				return err
			},
		},
		{
			Flag: "header", Key: option.NoKey, Kind: option.Strings,
			Usage: "record the header `NAME` too, unless it holds credentials",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.Record.Headers }),
		},
		{
			Flag: "user-header", Key: option.NoKey,
			Usage: "record the header `NAME` as the user",
			Set:   option.ToString(func(o *o) *string { return &o.Record.UserHeader }),
		},
		{
			Flag: "redact", Key: option.NoKey, Kind: option.Strings,
			Usage: "redact this `FIELD` of bodies too: a name, or a path such as user.*.address",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.Record.Secret }),
		},
		{
			Flag: "body-limit", Key: option.NoKey, Kind: option.Size, Default: "256KiB",
			Usage: "record at most this `SIZE` of a body",
			Set:   option.ToSize(func(o *o) *int64 { return &o.Record.BodyLimit }),
		},
	}
}

func auditLevels() []string {
	var names []string
	for _, l := range audit.Levels() {
		names = append(names, string(l))
	}
	return names
}

func auditLogRows() []option.Option[*auditOptions] {
	type o = auditOptions
	return []option.Option[*o]{
		{
			Flag: "fsync", Key: option.NoKey, Default: "1s", Choices: []string{"never", "1s", "each"},
			Usage: "records reach the disk `WHEN`: never (as the kernel likes), 1s, or each before its exchange ends",
			Set: func(o *o, v option.Value) error {
				o.Log.Fsync = audit.Fsync(v.Str)
				return nil
			},
		},
		{
			Flag: "on-write-error", Key: option.NoKey, Default: "open", Choices: []string{"open", "closed"},
			Usage: "when records cannot be written, serve and count them (open) or answer 503 (closed): `POLICY`",
			Set: func(o *o, v option.Value) error {
				o.Log.Policy = audit.Policy(v.Str)
				return nil
			},
		},
		{
			Flag: "strict", Key: option.NoKey, Kind: option.Bool,
			Usage: "sync a line for each request before the application sees it; implies closed and each",
			Set:   option.ToBool(func(o *o) *bool { return &o.Log.Strict }),
		},
		{
			Flag: "min-free", Key: option.NoKey, Kind: option.Size, Default: "64MiB",
			Usage: "treat less free space than this `SIZE` as a write error",
			Set:   option.ToSize(func(o *o) *int64 { return &o.Log.MinFree }),
		},
		{
			Flag: "chain-key-file", Key: option.NoKey,
			Usage: "make the chain an HMAC with the key in this `FILE`",
			Set:   option.ToString(func(o *o) *string { return &o.keyFile }),
		},
		{
			Flag: "rotate-size", Key: option.NoKey, Kind: option.Size, Default: "100MiB",
			Usage: "close and compress the file after this `SIZE`",
			Set:   option.ToSize(func(o *o) *int64 { return &o.Log.Size }),
		},
		{
			Flag: "rotate-age", Key: option.NoKey, Kind: option.Duration, DefaultText: "none",
			Usage: "close and compress the file after this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.Log.Age }),
		},
		{
			Flag: "rotate-keep", Key: option.NoKey, Kind: option.Integer, DefaultText: "all",
			Usage: "keep this `NUMBER` of closed files",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.Log.Keep }),
		},
	}
}

func auditLimitRows() []option.Option[*auditOptions] {
	type o = auditOptions
	return []option.Option[*o]{
		{
			Flag: "capture-mem", Key: option.NoKey, Kind: option.Size, Default: "32MiB",
			Usage: "use at most this `SIZE` of memory for the bodies of all exchanges",
			Set:   option.ToSize(func(o *o) *int64 { return &o.CaptureMemory }),
		},
		{
			Flag: "max-connections", Key: option.NoKey, Kind: option.Integer, Default: "1024",
			Usage: "answer 503 beyond this `NUMBER` of connections",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.MaxConnections }),
		},
		{
			Flag: "header-timeout", Key: option.NoKey, Kind: option.Duration, Default: "10s",
			Usage: "close a connection whose headers take longer than this `TIME`",
			Set:   option.ToFiniteDuration(func(o *o) *time.Duration { return &o.HeaderTimeout }),
		},
	}
}

// fromSeed takes what no option gives from the variables of other audit sidecars.
func (o *auditOptions) fromSeed(env environment.Variables) error {
	port := func(variable, fallback string) (string, error) {
		value, _ := env.Get(variable)
		value = cmp.Or(value, fallback)
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
			return "", errors.New("$" + variable + ": want the number of a port")
		}
		return value, nil
	}
	listen, err := port("LISTEN_PORT", "8080")
	upstream, upstreamErr := port("UPSTREAM_PORT", "8000")
	host, _ := env.Get("UPSTREAM_HOST")
	path, _ := env.Get("AUDIT_LOG_PATH")
	if o.Listen == "" {
		o.Listen = ":" + listen
	} else {
		err = nil
	}
	if o.Upstream == "" {
		o.Upstream = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), upstream)
	} else {
		upstreamErr = nil
	}
	if o.Log.Path = cmp.Or(o.Log.Path, path); o.Log.Path == "" {
		return errors.Join(err, upstreamErr, errors.New("no log: name a file on a volume by --log or $AUDIT_LOG_PATH"))
	}
	return errors.Join(err, upstreamErr)
}

func auditCommand(c *call) *definition {
	return define(c, spec[*auditOptions]{
		usage:       []string{"inith sidecar audit [OPTION...]"},
		description: func() string { return auditDescription },
		table:       auditTable(c.env),
		open: func(_ context.Context, s session, o *auditOptions, _ option.Given) (job, error) {
			return openAudit(s, o)
		},
	})
}

func openAudit(s session, o *auditOptions) (job, error) {
	var err error
	if o.Log.ChainKey, err = chainKey(o.keyFile); err != nil {
		return nil, err
	}
	o.Pod.Name, _ = s.env.Get("POD_NAME")
	o.Pod.Namespace, _ = s.env.Get("POD_NAMESPACE")
	o.Pod.Node, _ = s.env.Get("NODE_NAME")
	o.Logger = s.Lines
	p, err := audit.New(o.Options)
	if err != nil {
		return nil, err
	}
	return openSidecar(s, o.sidecarOptions, p, p.Gatherer()), nil
}

// chainKey reads the key of a chain; nil for no file.
func chainKey(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	const shortest = 16
	key, err := credentials.ReadSecret("--chain-key-file", path)
	if err != nil {
		return nil, err
	}
	if len(key) < shortest {
		return nil, errors.New("--chain-key-file: want a key of at least 16 bytes")
	}
	return []byte(key), nil
}
