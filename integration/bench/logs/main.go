// Command logs measures how fast `inith sidecar logs` sends a file to a receiver that acknowledges and discards, beside
// rsyslog, how much memory it takes while the receiver is away, and what it costs when nothing happens. Sender and receiver
// have a core of their own.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

func main() {
	inith := flag.String("inith", "../bin/inith", "the binary")
	size := flag.Int64("mib", 1024, "size of the file")
	rounds := flag.Int("rounds", 5, "runs of each sender")
	idle := flag.Duration("idle", 20*time.Second, "how long to do nothing")
	mode := flag.String("receive", "", "for itself: forward or lines")
	flag.Parse()
	if *mode != "" {
		fail(receive(*mode))
	}
	dir, err := os.MkdirTemp("", "inith-bench-logs-")
	if err != nil {
		fail(err)
	}
	b := bench{inith: *inith, dir: dir, bytes: *size << 20, rounds: *rounds, idle: *idle}
	held, err := b.run()
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		fail(err)
	}
	if !held {
		os.Exit(1)
	}
}

func fail(err error) {
	_, _ = fmt.Fprintln(os.Stderr, "bench-logs:", err)
	os.Exit(1)
}

// lineBytes is the length of a line, with its newline.
const lineBytes = 200

type bench struct {
	inith, dir string
	bytes      int64
	rounds     int
	idle       time.Duration
}

// A result is one run of a sender.
type result struct {
	took, cpu time.Duration
	peak      int64 // bytes of memory
}

// A way is a sender.
type way struct {
	name string
	send func() (result, error)
}

// run measures everything. It returns whether the figures hold.
func (b *bench) run() (held bool, err error) {
	if err := os.Mkdir(filepath.Join(b.dir, "logs"), 0o700); err != nil {
		return false, err
	}
	if err := writeLines(filepath.Join(b.dir, "logs", "app.log"), b.bytes); err != nil {
		return false, err
	}
	ways := []way{
		{"inith", func() (result, error) { return b.send() }},
		{"inith, gzip", func() (result, error) { return b.send("--compress", "gzip") }},
	}
	if _, err := exec.LookPath("rsyslogd"); err == nil {
		ways = append(ways, way{"rsyslog", b.rsyslog})
	} else {
		_, _ = fmt.Println("rsyslog is missing: apt-get install rsyslog")
	}
	all := make([][]result, len(ways))
	for range b.rounds { // interleaved
		for i, w := range ways {
			r, err := w.send()
			if err != nil {
				return false, fmt.Errorf("%s: %w", w.name, err)
			}
			all[i] = append(all[i], r)
		}
	}
	held = true
	report.Table(os.Stdout, fmt.Sprintf("%d MiB of %d-byte lines to a receiver that discards, medians of %d", b.bytes>>20, lineBytes, b.rounds),
		"sender\tMB/s\tlines/s\tCPU ms/MB\tpeak memory\tfigure", func(line func(...string)) {
			for i, w := range ways {
				took := report.MedianOf(all[i], func(r result) float64 { return r.took.Seconds() })
				cpu := report.MedianOf(all[i], func(r result) float64 { return r.cpu.Seconds() * 1e3 })
				peak := report.MedianOf(all[i], func(r result) float64 { return float64(r.peak) / (1 << 20) })
				mb := float64(b.bytes) / 1e6
				figure := ""
				if i == 0 {
					ok := mb/took >= 150
					held = held && ok
					figure = "≥ 150 MB/s: " + report.Verdict(ok)
				}
				line(w.name, report.Number(mb/took, 0, ""), report.Number(float64(b.bytes)/lineBytes/took, 0, ""), report.Number(cpu/mb, 2, ""), report.Number(peak, 1, " MiB"), figure)
			}
		})
	away, err := b.away()
	if err != nil {
		return false, err
	}
	idle, err := b.idling()
	if err != nil {
		return false, err
	}
	awayOK, idleOK := away <= 32<<20, idle <= 5*time.Millisecond
	report.Table(os.Stdout, "doing nothing", "what\tvalue\tfigure", func(line func(...string)) {
		line("memory, receiver away", report.Number(float64(away)/(1<<20), 1, " MiB"), "≤ 32 MiB: "+report.Verdict(awayOK))
		line("CPU a second, 100 idle files", report.Number(idle.Seconds()*1e3, 2, " ms"), "≤ 5 ms: "+report.Verdict(idleOK))
	})
	return held && awayOK && idleOK, nil
}

// writeLines writes a file of numbered lines.
func writeLines(name string, bytes int64) error {
	f, err := os.Create(filepath.Clean(name))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for n := range bytes / lineBytes {
		_, _ = fmt.Fprintf(w, "%-*d\n", lineBytes-1, n)
	}
	return errors.Join(w.Flush(), f.Close())
}

// receiver starts this program as a receiver on the second core. Its stdout says when all lines are there.
func (b *bench) receiver(mode string) (cmd *exec.Cmd, address string, out *bufio.Reader, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", nil, err
	}
	cmd = exec.CommandContext(context.Background(), "taskset", "-c", "1", self, "-receive", mode, strconv.FormatInt(b.bytes/lineBytes, 10)) //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, err
	}
	out = bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	return cmd, strings.TrimSpace(line), out, err
}

// sidecar returns the command on the first core.
func (b *bench) sidecar(address string, flags ...string) (*exec.Cmd, error) {
	if err := os.RemoveAll(filepath.Join(b.dir, "state")); err != nil {
		return nil, err
	}
	args := append([]string{
		"-c", "0", b.inith, "sidecar", "logs", "--path", filepath.Join(b.dir, "logs", "*.log"), "--tag", "bench", "--forward", address,
		"--state", filepath.Join(b.dir, "state"), "--ops-listen", "none", "--log-level", "error",
	}, flags...)
	cmd := exec.CommandContext(context.Background(), "taskset", args...) //nolint:gosec // our own
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// send sends the whole file.
func (b *bench) send(flags ...string) (result, error) {
	receiver, address, out, err := b.receiver("forward")
	if err != nil {
		return result{}, err
	}
	cmd, err := b.sidecar(address, flags...)
	if err != nil {
		return result{}, err
	}
	return measure(cmd, receiver, out)
}

// measure starts a sender, waits until the receiver has everything, and ends both.
func measure(cmd, receiver *exec.Cmd, out *bufio.Reader) (r result, err error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	_, err = out.ReadString('\n')
	r.took = time.Since(start)
	peak, peakErr := report.Memory(cmd.Process.Pid, "VmHWM")
	r.peak = peak
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	_ = receiver.Process.Kill()
	_ = receiver.Wait()
	return r, errors.Join(err, peakErr)
}

// rsyslog sends the file with imfile and omfwd, over plain TCP: nothing is acknowledged.
func (b *bench) rsyslog() (result, error) {
	receiver, address, out, err := b.receiver("lines")
	if err != nil {
		return result{}, err
	}
	work := filepath.Join(b.dir, "rsyslog")
	if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o700)); err != nil {
		return result{}, err
	}
	host, port, _ := net.SplitHostPort(address)
	config := fmt.Sprintf(`global(workDirectory=%q)
module(load="imfile")
template(name="line" type="string" string="%%msg%%\n")
input(type="imfile" File=%q Tag="bench" ruleset="out")
ruleset(name="out" queue.type="LinkedList" queue.size="10000" queue.dequeueBatchSize="1024") {
  action(type="omfwd" target=%q port=%q protocol="tcp" template="line")
}
`, work, filepath.Join(b.dir, "logs", "app.log"), host, port)
	name := filepath.Join(work, "rsyslog.conf")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(context.Background(), "taskset", "-c", "0", "rsyslogd", "-n", "-f", name, "-i", filepath.Join(work, "pid")) //nolint:gosec // a peer
	return measure(cmd, receiver, out)
}

// away returns the peak of the memory while nobody listens.
func (b *bench) away() (int64, error) {
	cmd, err := b.sidecar("127.0.0.1:1", "--drain-timeout", "1s")
	if err != nil {
		return 0, err
	}
	cmd.Stderr = nil
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	<-time.After(b.idle)
	peak, err := report.Memory(cmd.Process.Pid, "VmHWM")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return peak, err
}

// idling returns the CPU time a second with 100 files that nobody writes to.
func (b *bench) idling() (time.Duration, error) {
	logs := filepath.Join(b.dir, "logs")
	if err := os.Remove(filepath.Join(logs, "app.log")); err != nil {
		return 0, err
	}
	for n := range 100 {
		if err := os.WriteFile(filepath.Join(logs, fmt.Sprintf("%d.log", n)), []byte("one\n"), 0o600); err != nil {
			return 0, err
		}
	}
	receiver, address, _, err := b.receiver("forward")
	if err != nil {
		return 0, err
	}
	cmd, err := b.sidecar(address)
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	<-time.After(3 * time.Second) // it has read them
	before, beforeErr := report.CPU(cmd.Process.Pid)
	<-time.After(b.idle)
	after, afterErr := report.CPU(cmd.Process.Pid)
	for _, p := range []*exec.Cmd{cmd, receiver} {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
	return time.Duration(float64(after-before) / b.idle.Seconds()), errors.Join(beforeErr, afterErr)
}

// receive is the receiver, until it is killed: it writes its address, and a line when it has as many lines as its argument says.
func receive(mode string) error {
	want, err := strconv.ParseInt(flag.Arg(0), 10, 64)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, _ = fmt.Println(l.Addr())
	got := counter{want: want}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = conn.Close() }()
			if mode == "forward" {
				_ = got.forward(conn)
			} else {
				_ = got.lines(conn)
			}
		}()
	}
}
