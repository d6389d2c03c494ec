package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/integration/bench/report"
)

// mapping maps half of the packets.
const mapping = `mappings:
- match: "api.request.*.duration"
  name: "api_request_duration_seconds"
  observer_type: histogram
  labels: {route: "$1"}
- match: "api.request.*.count"
  name: "api_requests_total"
  labels: {route: "$1"}
`

const (
	packetSize = 44 // of all packets, since the kernel cuts what is sent
	burst      = 50 // packets that one system call sends
)

// bursts returns what an application sends: packets of a line each, of 100 series. Zeros after the decimal point make
// them equally long.
func bursts() [][]byte {
	var all []byte
	for i := range 25 {
		for _, parts := range [][2]string{
			{fmt.Sprintf("api.request.route%02d.count:1.", i), "|c"},
			{fmt.Sprintf("api.request.route%02d.duration:%d.", i, 3*i), "|ms|#ok:1"},
			{"worker.jobs:1.", fmt.Sprintf("|c|#queue:q%02d,result:ok", i)},
			{fmt.Sprintf("worker.depth.q%02d:%d.", i, i), "|g"},
		} {
			zeros := strings.Repeat("0", packetSize-len(parts[0])-len(parts[1]))
			all = append(all, parts[0]+zeros+parts[1]...)
		}
	}
	return slices.Collect(slices.Chunk(all, burst*packetSize))
}

// An exporter is one that runs.
type exporter struct {
	cmd    *exec.Cmd
	web    string
	conn   net.Conn
	bursts [][]byte
}

func start(ctx context.Context, dir string, argv []string, buffer int) (*exporter, error) {
	file := filepath.Join(dir, "mapping.yaml")
	if err := os.WriteFile(file, []byte(mapping), 0o600); err != nil {
		return nil, err
	}
	udp, web, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	e := &exporter{web: "http://" + web + "/metrics"}
	args := append(argv[1:len(argv):len(argv)], "--statsd.mapping-config="+file, "--statsd.listen-udp="+udp, "--statsd.listen-tcp=", "--web.listen-address="+web, "--statsd.read-buffer="+strconv.Itoa(buffer))
	e.cmd = exec.CommandContext(ctx, argv[0], args...) //nolint:gosec // ours
	e.cmd.Stderr = os.Stderr
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	for range 1000 {
		if _, err = e.received(); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // of a benchmark
	}
	if err == nil {
		err = e.dial(ctx, udp)
	}
	if err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

func freePorts(ctx context.Context) (udp, web string, err error) {
	var config net.ListenConfig
	u, err := config.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = u.Close() }()
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = l.Close() }()
	return u.LocalAddr().String(), l.Addr().String(), nil
}

func (e *exporter) dial(ctx context.Context, udp string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp4", udp)
	if err != nil {
		return err
	}
	e.conn, e.bursts = conn, bursts()
	u, ok := conn.(*net.UDPConn)
	if !ok {
		return errors.New("no UDP socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	// The kernel cuts a burst into packets (udp(7), UDP_SEGMENT), so that sending costs less than receiving.
	var option error
	err = raw.Control(func(fd uintptr) { option = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, packetSize) })
	return errors.Join(err, option)
}

func (e *exporter) stop() {
	if e.conn != nil {
		_ = e.conn.Close()
	}
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
}

// A result is what came of a trial.
type result struct{ sent, received int }

func (r result) lost() float64 { return 1 - float64(r.received)/float64(r.sent) }

// try sends at a rate for some time, evenly, and counts what became an event.
func (e *exporter) try(rate int, d time.Duration) (result, error) {
	before, err := e.received()
	if err != nil {
		return result{}, err
	}
	r := result{}
	for begun := time.Now(); ; {
		elapsed := time.Since(begun)
		if elapsed >= d {
			break
		}
		if int(elapsed.Seconds()*float64(rate))-r.sent < burst {
			time.Sleep(50 * time.Microsecond) //nolint:forbidigo // of a benchmark
			continue
		}
		if _, err := e.conn.Write(e.bursts[r.sent/burst%len(e.bursts)]); err != nil {
			return r, err
		}
		r.sent += burst
	}
	if achieved := float64(r.sent) / d.Seconds(); achieved < 0.9*float64(rate) {
		return r, nil // the sender is too slow: nothing is known of this rate
	}
	r.received, err = e.settled(before)
	return r, err
}

// settled returns how many events there are since before, once there come no more.
func (e *exporter) settled(before int) (int, error) {
	last := -1
	for {
		n, err := e.received()
		if err != nil {
			return 0, err
		}
		if n == last {
			return n - before, nil
		}
		last = n
		time.Sleep(300 * time.Millisecond) //nolint:forbidigo // longer than events wait in a queue
	}
}

// received returns how many packets have become events.
func (e *exporter) received() (int, error) {
	resp, err := http.Get(e.web) //nolint:noctx // of a benchmark
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "statsd_exporter_events_total{"); found {
			_, value, _ := strings.Cut(strings.TrimSpace(rest), "} ")
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return int(sum), nil
}

// cpu returns the CPU time of the exporter, in user mode and in the kernel.
func (e *exporter) cpu() (time.Duration, error) {
	return report.CPU(e.cmd.Process.Pid)
}

// memory returns the highest resident size of the exporter in MiB.
func (e *exporter) memory() (float64, error) {
	bytes, err := report.Memory(e.cmd.Process.Pid, "VmHWM")
	return float64(bytes) / (1 << 20), err
}
