package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/release"
)

// hangs is when a run is taken for stuck.
const hangs = 5 * time.Minute

// buildInith returns the path of a freshly built inith, without the race detector:
// several hundred of them are started.
func buildInith(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inith")
	if err := release.Build(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A fetchRun is one process of `inith fetch`. Its stderr is a pipe that holds one
// line: who does not read knows that the process is one line further at most.
type fetchRun struct {
	cmd   *exec.Cmd
	log   *os.File
	lines bytes.Buffer // read so far
	phase string       // that the last of them tells
	begun time.Time
}

func startFetch(bin string, args ...string) (*fetchRun, error) {
	return startFetchWith(nil, bin, args...)
}

// startFetchWith adds environment variables.
func startFetchWith(env []string, bin string, args ...string) (*fetchRun, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_DIRECT); err != nil { // a write is a packet, in a page of its own
		return nil, err
	}
	w := os.NewFile(uintptr(fds[1]), "stderr")
	defer func() { _ = w.Close() }()
	_, err1 := unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, os.Getpagesize())
	err2 := unix.SetNonblock(fds[0], true)
	r := &fetchRun{log: os.NewFile(uintptr(fds[0]), "log"), begun: time.Now()}
	r.cmd = exec.Command(bin, append([]string{"fetch", "--log-level=debug", "--log-format=json"}, args...)...)
	r.cmd.Env, r.cmd.Stderr = append([]string{"NO_PROXY=*"}, env...), w
	if err := errors.Join(err1, err2, r.cmd.Start()); err != nil {
		_ = r.log.Close()
		return nil, err
	}
	return r, nil
}

// read reads lines until one has the text, or that time. It reports whether one had.
func (r *fetchRun) read(until time.Time, text string) bool {
	b := make([]byte, 64<<10)
	for {
		if err := r.log.SetReadDeadline(until); err != nil {
			return false
		}
		n, err := r.log.Read(b)
		if err != nil {
			return false
		}
		r.lines.Write(b[:n])
		for line := range bytes.Lines(b[:n]) {
			var record struct{ Msg, Phase string }
			if json.Unmarshal(line, &record) == nil && record.Msg == "phase" {
				r.phase = record.Phase
			}
		}
		if text != "" && bytes.Contains(b[:n], []byte(text)) {
			return true
		}
	}
}

// kill sends SIGKILL. It reports whether that is what ended the process.
func (r *fetchRun) kill() bool {
	_ = r.cmd.Process.Kill()
	code, _ := r.wait()
	return code == -int(unix.SIGKILL)
}

// wait returns the exit code, or minus the signal, when the process has ended.
func (r *fetchRun) wait() (int, error) {
	r.read(time.Now().Add(hangs), "")
	stuck := time.AfterFunc(hangs, func() { _ = r.cmd.Process.Kill() })
	err := r.cmd.Wait()
	_ = r.log.Close()
	if !stuck.Stop() {
		return -1, fmt.Errorf("it hangs: %s", &r.lines)
	}
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		return -1, err
	}
	return exitCodeOf(r.cmd.ProcessState), nil
}

// succeed waits for exit code 0.
func (r *fetchRun) succeed() error {
	code, err := r.wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, &r.lines)
	}
	return err
}

// endedAlone holds a run that has ended before its kill to exit code 0.
func endedAlone(r *fetchRun) error {
	if code := exitCodeOf(r.cmd.ProcessState); code != 0 {
		return fmt.Errorf("exit code %d: %s", code, &r.lines)
	}
	return nil
}

// after waits for a phase, and a little longer. It reads no more lines.
func (r *fetchRun) after(p fetch.Phase, pause time.Duration) {
	if r.read(time.Now().Add(hangs), `"phase":"`+p.String()+`"`) {
		time.Sleep(pause)
	}
}

// afterNext waits for the line after that of a phase, and a little longer. It does
// not read it: the process will not write another.
func (r *fetchRun) afterNext(p fetch.Phase, pause time.Duration) {
	if !r.read(time.Now().Add(hangs), `"phase":"`+p.String()+`"`) {
		return
	}
	raw, err := r.log.SyscallConn()
	for end := time.Now().Add(hangs); err == nil && time.Now().Before(end); time.Sleep(20 * time.Microsecond) {
		n := 0
		err = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if n > 0 {
			break
		}
	}
	time.Sleep(pause)
}
