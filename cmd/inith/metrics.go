package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/sidecar/metrics"
)

const metricsDescription = `Receives metrics in the statsd protocol from an application of the same Pod, and serves
them to Prometheus. Options, defaults, mapping file and names of metrics are those of
prometheus/statsd_exporter; a manifest for that needs only another image and the command
["/inith", "sidecar", "metrics"]. Each --statsd.parse option is on unless --no-statsd.parse
turns it off; an address that is empty or none is not listened on.

It reloads the mapping when the file changes, on SIGHUP and, with --web.enable-lifecycle,
on POST /-/reload. On SIGTERM it handles what the kernel has received, can be scraped for
the time of --linger, and exits. A second signal ends it at once.

EXAMPLES:
   inith sidecar metrics --statsd.mapping-config=/etc/statsd/mapping.yaml
   inith sidecar metrics --web.listen-address=:9090 --linger 20s`

type metricsOptions struct {
	sidecarOptions
	metrics.Options

	check bool // only the mapping
}

func metricsTable() option.Table[*metricsOptions] {
	rows := metricsWebRows()
	for _, more := range [][]option.Option[*metricsOptions]{metricsStatsdRows(), metricsMappingRows(), metricsDialectRows(), metricsLimitRows(), metricsRelayRows(), metricsUnusedRows()} {
		rows = append(rows, more...)
	}
	rows = append(rows, option.Within(drainOptionRows(), func(o *metricsOptions) *sidecarOptions { return &o.sidecarOptions })...)
	return option.Table[*metricsOptions]{Options: rows, Check: func(o *metricsOptions, given option.Given) error {
		if len(given.Args) > 0 {
			return errors.New("sidecar metrics takes no argument")
		}
		return checkLinger(given, o.Linger, o.drain)
	}}
}

// switchRows are the two forms of an option that statsd_exporter turns on with --NAME and off with --no-NAME.
func switchRows(flag, value, usage string, at func(o *metricsOptions) *bool) []option.Option[*metricsOptions] {
	return []option.Option[*metricsOptions]{
		{Flag: flag, Key: option.NoKey, Kind: option.Bool, Default: value, Usage: usage, Excludes: []string{"no-" + flag}, Set: option.ToBool(at)},
		{
			Flag: "no-" + flag, Key: option.NoKey, Kind: option.Bool, Usage: "the opposite of --" + flag,
			Set: func(o *metricsOptions, v option.Value) error {
				*at(o) = !v.Bool
				return nil
			},
		},
	}
}

func metricsWebRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return append([]option.Option[*o]{
		{
			Flag: "web.listen-address", Key: option.NoKey, Default: ":9102",
			Usage: "serve the metrics, /-/healthy and /-/ready at this `ADDRESS`",
			Set:   option.Parsed(parseAddress, func(o *o) *string { return &o.Web.Listen }),
		},
		{
			Flag: "web.telemetry-path", Key: option.NoKey, Default: "/metrics",
			Usage: "serve the metrics under this `PATH`",
			Set: func(o *o, v option.Value) error {
				if o.Web.Path = v.Str; !strings.HasPrefix(v.Str, "/") || strings.ContainsAny(v.Str, "{} ") {
					return errors.New("want a path that begins with /")
				}
				return nil
			},
		},
	}, switchRows("web.enable-lifecycle", "false", "reload and exit on a POST or PUT to /-/reload and /-/quit", func(o *o) *bool { return &o.Web.Lifecycle })...)
}

func metricsStatsdRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return []option.Option[*o]{
		{
			Flag: "statsd.listen-udp", Key: option.NoKey, Default: ":9125", Empty: true,
			Usage: "receive metrics over UDP at this `ADDRESS`, or none",
			Set:   option.Parsed(parseAddressOrNone, func(o *o) *string { return &o.ListenUDP }),
		},
		{
			Flag: "statsd.listen-tcp", Key: option.NoKey, Default: ":9125", Empty: true,
			Usage: "receive metrics over TCP at this `ADDRESS`, or none",
			Set:   option.Parsed(parseAddressOrNone, func(o *o) *string { return &o.ListenTCP }),
		},
		{
			Flag: "statsd.listen-unixgram", Key: option.NoKey, Empty: true,
			Usage: "receive metrics at a unix socket for datagrams with this `PATH`",
			Set:   func(o *o, v option.Value) error { o.ListenUnixgram = withoutNone(v.Str); return nil },
		},
		{
			Flag: "statsd.unixsocket-mode", Key: option.NoKey, Kind: option.Digits, Default: "755",
			Usage: "permission bits of the unix socket: `MODE`",
			Set:   option.Parsed(option.Mode, func(o *o) *os.FileMode { return &o.SocketMode }),
		},
		{
			Flag: "statsd.read-buffer", Key: option.NoKey, Kind: option.Integer, DefaultText: "the kernel's",
			Usage: "let the kernel keep this `NUMBER` of bytes for each socket for datagrams (net.core.rmem_max limits it)",
			Set:   option.AtLeast(0, func(o *o) *int { return &o.ReadBuffer }),
		},
		{
			Flag: "statsd.udp-packet-queue-size", Key: option.NoKey, Kind: option.Integer, Default: "10000",
			Usage: "keep at most this `NUMBER` of datagrams that are not parsed yet",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.QueuePackets }),
		},
	}
}

func metricsMappingRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return append([]option.Option[*o]{
		{
			Flag: "statsd.mapping-config", Key: option.NoKey,
			Usage: "map names to metrics and labels as this YAML `FILE` says",
			Set:   option.ToString(func(o *o) *string { return &o.Mapping.File }),
		},
		{
			Flag: "statsd.cache-size", Key: option.NoKey, Kind: option.Integer, Default: "1000",
			Usage: "remember the mapping of this `NUMBER` of names",
			Set:   option.AtLeast(0, func(o *o) *int { return &o.Mapping.CacheSize }),
		},
		{
			Flag: "statsd.cache-type", Key: option.NoKey, Default: "lru", Choices: []string{"lru", "random"},
			Usage: "when the cache is full, forget the name that was not used for longest, or any: `TYPE` is lru or random",
			Set: func(o *o, v option.Value) error {
				o.Mapping.Random = v.Str == "random"
				return nil
			},
		},
		{
			Flag: "debug.dump-fsm", Key: option.NoKey,
			Usage: "write the automaton of the mapping to this `FILE`, for Graphviz",
			Set:   option.ToString(func(o *o) *string { return &o.Mapping.Dump }),
		},
	}, switchRows("check-config", "false", "check the mapping file, and exit", func(o *o) *bool { return &o.check })...)
}

func metricsDialectRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return slices.Concat(
		switchRows("statsd.parse-dogstatsd-tags", "true", "parse labels as DogStatsD writes them: |#name:value", func(o *o) *bool { return &o.DogStatsD }),
		switchRows("statsd.parse-influxdb-tags", "true", "parse labels as InfluxDB writes them: metric,name=value", func(o *o) *bool { return &o.InfluxDB }),
		switchRows("statsd.parse-librato-tags", "true", "parse labels as Librato writes them: metric#name=value", func(o *o) *bool { return &o.Librato }),
		switchRows("statsd.parse-signalfx-tags", "true", "parse labels as SignalFX writes them: metric[name=value]", func(o *o) *bool { return &o.SignalFX }),
	)
}

func metricsLimitRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return []option.Option[*o]{
		{
			Flag: "max-series", Key: option.NoKey, Kind: option.Integer, Default: "10000",
			Usage: "store at most this `NUMBER` of label sets; count further ones under overflow=\"true\"",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.MaxSeries }),
		},
		{
			Flag: "linger", Key: option.NoKey, Default: "0s", // not a Duration, which is never zero
			Usage: "after SIGTERM, wait at most this `TIME` for one more scrape",
			Set:   option.Parsed(parseLinger, func(o *o) *time.Duration { return &o.Linger }),
		},
	}
}

func metricsRelayRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	return []option.Option[*o]{
		{
			Flag: "statsd.relay.address", Key: option.NoKey,
			Usage: "send all lines on to this `ADDRESS` over UDP",
			Set:   option.Parsed(parseAddress, func(o *o) *string { return &o.Relay.Address }),
		},
		{
			Flag: "statsd.relay.packet-length", Key: option.NoKey, Kind: option.Integer, Default: "1400",
			Usage: "send at most this `NUMBER` of bytes in a packet",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.Relay.PacketLength }),
		},
	}
}

// metricsUnusedRows are options of statsd_exporter that have no use here: events do not wait.
func metricsUnusedRows() []option.Option[*metricsOptions] {
	type o = metricsOptions
	ignored := func(*o, option.Value) error { return nil }
	return []option.Option[*o]{
		{Flag: "statsd.event-queue-size", Key: option.NoKey, Kind: option.Integer, Default: "10000", Usage: "accepted, without effect: `NUMBER`", Set: ignored},
		{Flag: "statsd.event-flush-threshold", Key: option.NoKey, Kind: option.Integer, Default: "1000", Usage: "accepted, without effect: `NUMBER`", Set: ignored},
		{Flag: "statsd.event-flush-interval", Key: option.NoKey, Kind: option.Duration, Default: "200ms", Usage: "accepted, without effect: `TIME`", Set: ignored},
	}
}

func metricsCommand(c *call) *definition {
	return define(c, spec[*metricsOptions]{
		usage:       []string{"inith sidecar metrics [OPTION...]"},
		description: func() string { return metricsDescription },
		table:       metricsTable(),
		open: func(_ context.Context, s session, o *metricsOptions, _ option.Given) (job, error) {
			return openMetrics(s, o)
		},
	})
}

func openMetrics(s session, o *metricsOptions) (job, error) {
	o.Logger = s.Lines
	if s.hangups != nil && !o.check {
		o.Hangups = s.hangups()
	}
	o.Quit = func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }
	m, err := metrics.New(o.Options)
	if err != nil {
		return nil, err
	}
	if o.check {
		return checkedConfig{s}, nil
	}
	return openSidecar(s, o.sidecarOptions, m, nil), nil
}

// checkedConfig is a job that is done: the configuration is right.
type checkedConfig struct{ s session }

func (j checkedConfig) run(ctx context.Context) (outcome string, err error) {
	j.s.Lines.InfoContext(ctx, "configuration is valid")
	return "configuration is valid", nil
}
