package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/testing/faultserver"
)

// The origin's file, and how bad the line is.
const (
	size     = 64 << 20
	rate     = 1 << 20 // bytes a second of each connection
	cutAfter = 3 << 20 // bytes of each connection
	refusals = 3
)

// A download is what is fetched, and where to.
type download struct {
	*demo
	origin   *faultserver.Server
	refusals *faultserver.Injection
	dest     string
}

// fetch shows how inith fetches a file over a bad line, is killed in the middle,
// and goes on.
func (d *demo) fetch(ctx context.Context) error {
	directory, err := os.MkdirTemp("", "inith-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	busy, ok := faultserver.Find("slow-down")
	if !ok {
		return errors.New("no such fault")
	}
	busy.Times, busy.Skip = refusals, 12
	origin := &faultserver.Server{
		Content: faultserver.Content{Size: size, Seed: 42}, Rate: rate, CutAfter: cutAfter,
	}
	l := &download{d, origin, origin.Inject(busy), filepath.Join(directory, "model.bin")}
	if err := origin.Start(ctx); err != nil {
		return err
	}
	defer origin.Close()
	for _, step := range []func(context.Context) error{l.killed, l.resumed, l.again} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// call returns the call that the three steps have in common.
func (d *download) call(ctx context.Context, args ...string) *exec.Cmd {
	d.say("\n$ inith fetch %s\n", strings.Join(append([]string{d.origin.URL(), "…/model.bin --sha256 …"}, args...), " "))
	digest := fmt.Sprintf("%x", d.origin.Content.SHA256())
	return d.inith(ctx, append([]string{"fetch", d.origin.URL(), d.dest, "--sha256", digest}, args...)...)
}

// killed ends inith without a warning when half of the file has been sent.
func (d *download) killed(ctx context.Context) error {
	d.say("1. An origin is simulated on loopback. It has a model of %d MiB, sends %.1f MiB a second over", size>>20, mebibytes(rate))
	d.say("   each connection, cuts each after %d MiB, and answers %d requests with 503:", cutAfter>>20, refusals)
	cmd := d.call(ctx)
	if err := cmd.Start(); err != nil {
		return err
	}
	for d.origin.Stats().Sent < size/2 && retry.Sleep(ctx, 10*time.Millisecond) == nil {
	}
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); ctx.Err() != nil || err == nil {
		return cmp.Or(context.Cause(ctx), errors.New("inith was done before it could be killed"))
	}
	if _, err := os.Stat(d.dest); !errors.Is(err, os.ErrNotExist) {
		return errors.New("a part of the file has the name of the whole")
	}
	d.say("\n   Killed with SIGKILL, as a container without memory is. There is no model.bin: a part of it is none.")
	return nil
}

// resumed gets the rest, and compares what is there with what the origin has.
func (d *download) resumed(ctx context.Context) error {
	d.say("\n2. The container is started again. inith goes on where it was killed:")
	var stdout bytes.Buffer
	cmd := d.call(ctx, "--json")
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		return err
	}
	var result struct{ Fetched, Resumed int64 }
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return err
	}
	if err := d.compare(); err != nil {
		return err
	}
	stats := d.origin.Stats()
	d.say("\n   %.1f MiB were kept from the first run, %.1f MiB came now, and all bytes are those of the origin.", mebibytes(result.Resumed), mebibytes(result.Fetched))
	d.say("   In both runs the origin got %d requests over %d connections; it cut most of these, and answered %d with 503.",
		stats.Requests, stats.Conns, d.refusals.Fired())
	return nil
}

// again shows that a file that is there is not fetched.
func (d *download) again(ctx context.Context) error {
	d.say("\n3. Once more. The file is there, and has the digest:")
	before := d.origin.Stats().Requests
	if err := d.call(ctx).Run(); err != nil {
		return err
	}
	d.say("\n   The origin got %d requests.", d.origin.Stats().Requests-before)
	return nil
}

func (d *download) compare() error {
	f, err := os.Open(d.dest)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != d.origin.Content.SHA256() {
		return errors.New("the file is not the origin's")
	}
	return nil
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
