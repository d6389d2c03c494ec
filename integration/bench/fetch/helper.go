package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// A helper is this program as a child, in a role. It says a line when it is at
// work, and ends with its standard input, also when the benchmark is killed;
// then it says what it did.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
	ready string
}

// startHelper starts a helper in a namespace. It gets the files from descriptor
// 3 on.
func startHelper(ctx context.Context, in *namespace, files []*os.File, args ...string) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this program
	cmd.Env, cmd.Stderr, cmd.ExtraFiles = environ(), os.Stderr, files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the benchmark
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := in.do(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	h := &helper{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	line, err := h.out.ReadString('\n')
	if err != nil {
		h.stop()
		return nil, fmt.Errorf("%s did not start: %w", args[0], err)
	}
	h.ready = strings.TrimSpace(line)
	return h, nil
}

// stop ends the helper and returns its last words.
func (h *helper) stop() string {
	_ = h.stdin.Close()
	words, _ := io.ReadAll(h.out)
	_ = h.cmd.Wait()
	return string(words)
}
