package metrics_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/metrics"
)

func TestReceives(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.send(t, "a.b:1|c\na.b:2|c|#x:y", "t:320|ms")
	sendTo(t, "tcp", r.ListenTCP, "tcp.lines:1|c\r\ntcp.li", "nes:2|c\ntcp.last:7|g")
	sendTo(t, "unixgram", r.ListenUnixgram, "local:4|g", "local:+2|g\nlocal:-1|g")
	r.expect(t, "a_b 1", `a_b{x="y"} 2`, "t_sum 0.32", "tcp_lines 3", "tcp_last 7", "local 5",
		"statsd_exporter_udp_packets_total 2", "statsd_exporter_tcp_connections_total 1", "statsd_exporter_unixgram_packets_total 2", "statsd_exporter_lines_total 9")
	if status, text := r.get(t, "/-/healthy"); status != http.StatusOK || text != "Statsd Exporter is Healthy.\n" {
		t.Errorf("healthy: %d %q", status, text)
	}
	if status, text := r.get(t, "/-/ready"); status != http.StatusOK || text != "Statsd Exporter is Ready.\n" {
		t.Errorf("ready: %d %q", status, text)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.ListenUnixgram); err == nil {
		t.Error("the unix socket is left")
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	lines := "dog:1|c|#k:v\ninflux,k=v:1|c\nlibrato#k=v:1|c\nsignal[k=v]:1|c"
	r := start(t, nil)
	r.send(t, lines)
	r.expect(t, `dog{k="v"} 1`, `influx{k="v"} 1`, `librato{k="v"} 1`, `signal{k="v"} 1`)
	r = start(t, func(o *metrics.Options) { o.Dialects = metrics.Dialects{} })
	r.send(t, lines)
	r.expect(t, "dog 1", "influx_k_v 1", "librato_k_v 1", "signal_k_v_ 1")
}

// hostile are packets that end statsd_exporter, make its metrics unreadable, or take any amount of time and memory.
func hostile() map[string][]string {
	long := strings.Repeat("x", 8<<10)
	return map[string][]string{
		"foo]bar[:1|c":                              {`statsd_exporter_sample_errors_total{reason="panic"} 1`},
		"t:1|ms|@0.00000001":                        {"inith_samples_capped_total 1", "t_count 500"},
		"t:1:2:3|ms|@1e-300":                        {"inith_samples_capped_total 1", "t_count 750"},
		"t:1|ms|@0.000000001:2|ms|@0.000000001":     {"inith_samples_capped_total 2", "t_count 666"},
		"t:1|ms|#quantile:0.5":                      {`inith_series_rejected_total{reason="label_name"} 1`},
		"c:1|c|#__name__:x":                         {`inith_series_rejected_total{reason="label_name"} 1`},
		"go_goroutines:1|g":                         {`inith_series_rejected_total{reason="reserved"} 1`},
		"go_gc_duration_seconds_count:1|g":          {`inith_series_rejected_total{reason="reserved"} 1`},
		"statsd_exporter_lines_total:1|c":           {`inith_series_rejected_total{reason="reserved"} 1`},
		"statsd_exporter_events_conflict_total:1|c": {`inith_series_rejected_total{reason="reserved"} 1`},
		"[k=v]:1|c":                                 {`inith_series_rejected_total{reason="empty_name"} 1`},
		"c:1|c|#k:" + long:                          {`inith_series_rejected_total{reason="size"} 1`},
		long + ":1|c":                               {`statsd_exporter_sample_errors_total{reason="name_too_long"} 1`},
		"c:-1|c":                                    {`statsd_exporter_events_error_total{reason="illegal_negative_counter"} 1`},
		"a:1|c\na:1|g":                              {`statsd_exporter_events_conflict_total{metric_name="a",type="gauge"} 1`},
		"c:x|c":                                     {`statsd_exporter_sample_errors_total{reason="malformed_value"} 1`},
		"\xff\xfe:1|c":                              {`statsd_exporter_sample_errors_total{reason="malformed_line"} 1`},
		"c:nan|c":                                   {`statsd_exporter_sample_errors_total{reason="not_finite"} 1`},
		"t:1|ms\nt:inf|ms":                          {`statsd_exporter_sample_errors_total{reason="not_finite"} 1`, "t_sum 0.001"},
		"g:1|g\ng:+inf|g":                           {`statsd_exporter_sample_errors_total{reason="not_finite"} 1`, "g 1"},
		"g:1|g\ng:nan|g":                            {"g NaN"},
		"a:1|s":                                     {`statsd_exporter_sample_errors_total{reason="illegal_event"} 1`},
	}
}

// TestHostilePackets sends each packet to a server, with one that is right before and after it.
func TestHostilePackets(t *testing.T) {
	t.Parallel()
	for packet, want := range hostile() {
		t.Run(fmt.Sprintf("%.40q", packet), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil)
			r.send(t, "good:1|c", packet, "good:1|c")
			r.expect(t, append(want, "good 2")...)
			r.expect(t, `promhttp_metric_handler_errors_total{cause="gathering"} 0`)
		})
	}
}

func TestMaxSeries(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := start(t, func(o *metrics.Options) {
		o.MaxSeries, o.Logger = 3, slog.New(slog.NewTextHandler(&log, nil))
	})
	r.send(t, "a:1|c|#k:1\na:1|c|#k:2\nb:5|ms", "a:10|c|#k:3\na:10|c|#k:4\na:10|c|#k:5\nb:5|ms|#k:1\nnew:1|c\nnew:1|g\na:1|c|#k:1")
	r.expect(t, `a{k="1"} 2`, `a{k="2"} 1`, `a{overflow="true"} 30`, "b_count 1", `b_count{overflow="true"} 1`,
		`inith_series_rejected_total{reason="name"} 2`, `inith_series_rejected_total{reason="label_set"} 4`)
	r.lacks(t, "new")
	if got := strings.Count(log.String(), "--max-series is reached"); got != 1 {
		t.Errorf("the limit is logged %d times: %s", got, log.String())
	}
}

// TestNamesWithoutEnd holds what a sender can invent to the limit, also where a series is gone soon.
func TestNamesWithoutEnd(t *testing.T) {
	t.Parallel()
	mapping := write(t, filepath.Join(t.TempDir(), "m.yaml"), "defaults: {ttl: 1s}\n")
	r := start(t, func(o *metrics.Options) { o.MaxSeries, o.Mapping.File = 100, mapping })
	var lines strings.Builder
	for i := range 300 {
		fmt.Fprintf(&lines, "n%d:1|c\nn%d:1|g\nsame:1|c|#k%d:v\n", i, i, i)
	}
	sendTo(t, "tcp", r.ListenTCP, lines.String()) // which loses nothing, however slow the machine is
	r.expect(t, "statsd_exporter_lines_total 900")
	if _, text := r.get(t, "/metrics"); strings.Count(text, "\nn") > 100 || strings.Count(text, "events_conflict_total{") > 100 {
		t.Error("more names than there may be")
	}
	r.expect(t, `statsd_exporter_metrics_total{type="counter"} 0`) // all that they held is gone too
	r.lacks(t, "\nn", "\nsame")
	r.send(t, "n1:3|g") // a name is free again, for another type too
	r.expect(t, "n1 3")
}

// TestShortcuts has the same lines take the whole way and the shortcut: with the tags in another order each time they
// are of another shape.
func TestShortcuts(t *testing.T) {
	t.Parallel()
	mapping := write(t, filepath.Join(t.TempDir(), "m.yaml"), `
mappings:
- {match: "m.*.time", name: m_time, labels: {which: "$1"}, observer_type: histogram, histogram_options: {buckets: [0.1, 1]}}
- {match: "m.*.scaled", name: m_scaled, scale: 0.5, labels: {which: "$1"}}
- {match: "m.dropped", name: x, action: drop}
`)
	r := start(t, func(o *metrics.Options) { o.Mapping.File = mapping })
	for i := range 10 {
		r.send(t, fmt.Sprintf("c:%d|c|#a:1,b:2", i), "m.x.time:50|ms", "m.x.scaled:4|c", "g:+2|g", "g:-1|g", "m.dropped:1|c", "c:bad|c|#a:1,b:2", "c:-1|c|#a:1,b:2", "c:1|c|#a:1,b:2,", "s:1|c|@0.5", "h:2|h", "d:1:2|d")
	}
	r.expect(t, "statsd_exporter_lines_total 120", `c{a="1",b="2"} 55`, `m_time_bucket{which="x",le="0.1"} 10`, "m_time_sum{which=\"x\"} 0.49999999999999994", `m_scaled{which="x"} 20`, "g 10", "s 20", "h_sum 20", "d_count 20",
		`statsd_exporter_events_actions_total{action="map"} 20`, `statsd_exporter_events_actions_total{action="drop"} 10`, "statsd_exporter_events_unmapped_total 90",
		`statsd_exporter_events_total{type="counter"} 40`, `statsd_exporter_events_total{type="gauge"} 20`, `statsd_exporter_events_total{type="observer"} 40`,
		`statsd_exporter_events_error_total{reason="illegal_negative_counter"} 10`, `statsd_exporter_sample_errors_total{reason="malformed_value"} 10`,
		"statsd_exporter_samples_total 130", "statsd_exporter_tags_total 30")
}

func TestTTL(t *testing.T) {
	t.Parallel()
	mapping := write(t, filepath.Join(t.TempDir(), "m.yaml"), "mappings:\n- {match: short, name: short, ttl: 1s}\n- {match: long, name: long, ttl: 1h}\n")
	r := start(t, func(o *metrics.Options) { o.Mapping.File = mapping })
	r.send(t, "short:1|c\nlong:1|c\nshort:1|c")
	r.expect(t, "long 1")
	eventually(t, "expired", func() bool { _, text := r.get(t, "/metrics"); return !strings.Contains(text, "\nshort ") })
	r.send(t, "short:5|c")
	r.expect(t, "long 1", `statsd_exporter_events_total{type="counter"} 4`)
}

// TestDrain sends until the very end: what a client has sent before the signal is in the metrics.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := start(t, func(o *metrics.Options) { o.Linger = time.Hour })
	c, err := net.Dial("tcp", r.ListenTCP)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for range 100 {
		r.send(t, "udp:1|c")
		sendTo(t, "unixgram", r.ListenUnixgram, "unixgram:1|c")
		if _, err := c.Write([]byte("tcp:1|c\n")); err != nil {
			t.Fatal(err)
		}
	}
	r.cancel()
	eventually(t, "draining", func() bool { return r.server.Ready() != nil })
	if status, _ := r.get(t, "/-/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", status)
	}
	var last string
	eventually(t, "the last scrape ends the linger", func() bool {
		select {
		case r.err = <-r.done:
			r.ended = true
			return true
		default:
		}
		if resp, err := http.Get("http://" + r.Web.Listen + "/metrics"); err == nil {
			var b bytes.Buffer
			_, _ = b.ReadFrom(resp.Body)
			_ = resp.Body.Close()
			last = b.String()
		}
		return false
	})
	for _, line := range []string{"udp 100", "unixgram 100", "tcp 100"} {
		if !strings.Contains(last, "\n"+line+"\n") {
			t.Errorf("the last scrape lacks %q", line)
		}
	}
	if r.err != nil {
		t.Error(r.err)
	}
}

// TestLingerEnds has nobody scrape.
func TestLingerEnds(t *testing.T) {
	t.Parallel()
	r := start(t, func(o *metrics.Options) { o.Linger = time.Millisecond })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	r = start(t, func(o *metrics.Options) { o.Linger = time.Hour })
	r.server.Stop()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestTCPLineTooLong(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	sendTo(t, "tcp", r.ListenTCP, "good:1|c\n"+strings.Repeat("x", 5000)+":1|c\ngood:1|c\n")
	r.expect(t, "good 1", "statsd_exporter_tcp_too_long_lines_total 1")
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for want, change := range map[string]func(o *metrics.Options){
		"listen on the web address": func(o *metrics.Options) { o.Web.Listen = r.Web.Listen },
		"listen on the UDP address": func(o *metrics.Options) { o.ListenUDP = r.ListenUDP },
		"listen on the TCP address": func(o *metrics.Options) { o.ListenTCP = r.ListenTCP },
		"unix socket":               func(o *metrics.Options) { o.ListenUnixgram = filepath.Join(t.TempDir(), "nothere", "s") },
	} {
		o := metrics.Options{ListenUDP: freePort(t), Web: metrics.Web{Listen: freePort(t)}}
		change(&o)
		s, err := metrics.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := metrics.New(metrics.Options{}); err == nil {
		t.Error("no address is accepted")
	}
}

// TestStaleSocket starts where a container was killed.
func TestStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // the file stays
	r := start(t, func(o *metrics.Options) { o.ListenUnixgram, o.SocketMode = path, 0o777 })
	sendTo(t, "unixgram", path, "a:1|c")
	r.expect(t, "a 1")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	target, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close() }()
	r := start(t, func(o *metrics.Options) {
		o.Relay = metrics.Relay{Address: target.LocalAddr().String(), PacketLength: 20}
	})
	r.send(t, "a:1|c\nb:2|c\n\nc:3|c", "d:4|c|#much:too-long-for-a-packet\ne:5|c")
	r.expect(t, `statsd_exporter_relay_lines_relayed_total{target="`+r.Relay.Address+`"} 4`, `statsd_exporter_relay_long_lines_total{target="`+r.Relay.Address+`"} 1`)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	b := make([]byte, 100)
	for _, want := range []string{"a:1|c\nb:2|c\nc:3|c\n", "e:5|c\n"} {
		n, _, err := target.ReadFrom(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("got %q, %v, want %q", b[:n], err, want)
		}
	}
}

// TestRelayWithoutTarget has nobody who takes what is relayed.
func TestRelayWithoutTarget(t *testing.T) {
	t.Parallel()
	for _, address := range []string{freePort(t), "nothere.invalid:9125"} {
		r := start(t, func(o *metrics.Options) { o.Relay = metrics.Relay{Address: address, PacketLength: 10} })
		var lines strings.Builder
		for range 1000 {
			lines.WriteString("a:1|c\n")
		}
		sendTo(t, "tcp", r.ListenTCP, lines.String())
		r.expect(t, "a 1000")
		r.server.Stop()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

// A lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoLineIsLogged sends secrets where they do not belong.
func TestNoLineIsLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := start(t, func(o *metrics.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r.send(t, "s3cr3t", "a:s3cr3t|c", "a:1|c|#s3cr3t", "a:1|s3cr3t", "a:1|c|@s3cr3t", "s3cr3t]x[:1|c")
	r.expect(t, "statsd_exporter_lines_total 6")
	r.lacks(t, "s3cr3t")
	if strings.Contains(log.String(), "s3cr3t") {
		t.Error(log.String())
	}
}
