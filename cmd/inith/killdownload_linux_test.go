package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/inith/inith/fetch"
)

// A killedDownload is fetched by one run after the other, all but the last of
// which are killed.
type killedDownload struct {
	*killTest
	rand      *rand.Rand
	origin    *slowOrigin
	takes     time.Duration
	dest, sum string
	pinned    bool
	meant     int    // the run that is killed where few others are; 0: none
	old       []byte // at the destination before; nil: nothing

	cameIn  []int         // by block, the run in which it arrived; -1: in none yet
	left    int           // blocks that are not there
	charged map[int]int64 // by run, bytes that came in it and were asked for again
	conns   []int         // by run
}

func (d *killedDownload) run() error {
	if d.old != nil {
		if err := os.WriteFile(d.dest, d.old, 0o600); err != nil {
			return err
		}
	}
	d.cameIn = make([]int, (len(d.origin.content)+block-1)/block)
	d.left = len(d.cameIn)
	for i := range d.cameIn {
		d.cameIn[i] = -1
	}
	kills := 12 + d.rand.IntN(9)
	for n := 0; ; n++ {
		r, err := startFetch(d.bin, d.args(n)...)
		if err != nil {
			return err
		}
		complete, err := holds(d.dest, d.origin.content)
		if err != nil {
			return err
		}
		last := n == kills || complete
		if !last {
			d.strike(r, n)
		}
		killed := !last && r.kill()
		if last {
			err = r.succeed()
		}
		d.charge(n)
		switch {
		case last:
		case killed:
			err = d.look(n, r)
		default:
			last = true
			d.fell("")
			err = endedAlone(r)
		}
		if err != nil {
			return fmt.Errorf("run %d: %w", n, err)
		}
		if last {
			return errors.Join(d.account(), verdict(d.dest, d.sum))
		}
	}
}

func (d *killedDownload) args(n int) []string {
	args := []string{d.origin.url(n), d.dest}
	if d.pinned {
		args = append(args, "--sha256", d.sum)
	}
	return args
}

// strike returns when run n is to be killed: at any time while the rest comes, or
// when a phase has just begun. Some are meant for the moments that are short.
func (d *killedDownload) strike(r *fetchRun, n int) {
	shortly := upTo(d.rand, 2*time.Millisecond)
	switch meant := n - d.meant; {
	case d.meant == 0:
	case meant == 0 && d.pinned:
		r.after(fetch.Renaming, shortly)
		return
	case meant == 0:
		r.after(fetch.Syncing, shortly/4)
		return
	case meant == 1 && d.left == 0:
		r.after(fetch.Verifying, shortly)
		return
	}
	size := len(d.origin.content)
	rest := time.Duration(float64(d.takes) * float64(d.left*block) / float64(size))
	hashing := time.Duration(size) // at 1 GB/s
	switch what := d.rand.IntN(100); {
	case d.left > 0 && what < 85:
		r.read(r.begun.Add(upTo(d.rand, rest/2+40*time.Millisecond)), "")
	case d.left == 0 && what < 60:
		r.after(fetch.Verifying, upTo(d.rand, hashing))
	case what < 88:
		r.after(fetch.Fetching, shortly)
	case what < 92:
		r.after(fetch.Syncing, shortly)
	case what < 97:
		r.after(fetch.Renaming, shortly)
	default:
		r.afterNext(fetch.Renaming, shortly) // while the receipt is written
	}
}

// look looks at what a killed run has left.
func (d *killedDownload) look(n int, r *fetchRun) error {
	now, err := os.ReadFile(d.dest)
	right := err == nil && bytes.Equal(now, d.origin.content)
	switch {
	case right, err == nil && d.old != nil && bytes.Equal(now, d.old), d.old == nil && errors.Is(err, os.ErrNotExist):
	default:
		return errors.Join(fmt.Errorf("killed in %q: wrong bytes at the destination", r.phase), err)
	}
	paths, err := filepath.Glob(filepath.Join(stateOf(d.dest), "*.part"))
	if err != nil || len(paths) > 1 {
		return errors.Join(fmt.Errorf("killed in %q: partial files %q", r.phase, paths), err)
	}
	if right {
		paths = []string{d.dest}
	}
	there := make([]bool, len(d.cameIn))
	if len(paths) > 0 {
		if there, err = arrived(paths[0], d.origin.content); err != nil {
			return err
		}
	}
	d.left = 0
	for i, came := range there {
		switch {
		case !came:
			d.left++
			d.cameIn[i] = -1
		case d.cameIn[i] < 0:
			d.cameIn[i] = n
		}
	}
	where, known := d.where(r, d.origin.of(n))
	if !known {
		return fmt.Errorf("phase %q: %s", r.phase, &r.lines)
	}
	d.fell(where)
	return nil
}

// where says in which moment a kill fell; "" is after all of them.
func (d *killedDownload) where(r *fetchRun, a asked) (where string, known bool) {
	switch r.phase {
	case "", fetch.Queued.String(), fetch.Resolving.String(), fetch.Checking.String():
		return "headers", true
	case fetch.Fetching.String(), fetch.Verifying.String():
		switch {
		case d.left == 0:
			return "frontier", true
		case a.sent == 0:
			return "headers", true
		default:
			return "body", true
		}
	case fetch.Syncing.String():
		return "fsync", true
	case fetch.Renaming.String():
		return "rename", true
	case fetch.Recording.String():
		return "receipt", true
	case fetch.Done.String():
		return "", true
	default:
		return "", false
	}
}

// charge puts what a run asked for although it was there to the account of the
// run in which it came, once.
func (d *killedDownload) charge(n int) {
	a := d.origin.of(n)
	d.conns = append(d.conns, max(1, a.most))
	for i, run := range d.cameIn {
		if run < 0 {
			continue
		}
		lo, hi := int64(i*block), int64(min(len(d.origin.content), i*block+block))
		for _, s := range a.spans {
			d.charged[run*len(d.cameIn)+i] = max(d.charged[run*len(d.cameIn)+i], min(hi, s[1])-max(lo, s[0]))
		}
	}
}

// account holds what was asked for again against the connections of the run in
// which it came.
func (d *killedDownload) account() error {
	perRun := make([]int64, len(d.conns))
	for at, n := range d.charged {
		perRun[at/len(d.cameIn)] += n
	}
	for run, n := range perRun {
		each := float64(n) / float64(d.conns[run])
		d.mu.Lock()
		if each > d.most {
			d.most, d.mostOver = each, d.conns[run]
		}
		d.mu.Unlock()
		if each > 1<<20 {
			return fmt.Errorf("of what came in run %d over %d connections, %d bytes were asked for again", run, d.conns[run], n)
		}
	}
	return nil
}

func randomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{0: byte(seed), 1: 1}).Read(b)
	return b
}

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
