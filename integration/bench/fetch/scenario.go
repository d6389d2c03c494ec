package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	connections = 16 // of inith and of its best peers
	gigabit     = 1e9 / 8
	roundTrip   = 50 * time.Millisecond
)

// A scenario is what is downloaded, over what line, from what kind of origin.
type scenario struct {
	topic  string
	name   string
	size   int64 // bytes of a file
	files  int
	small  int // more files, of smallSize bytes
	layout layout
	line   *line // nil: loopback
	pace   int64 // bytes a second that a connection is given; zero: all it can
	cut    int64 // bytes after which a connection is closed; zero: never
	limit  int64 // bytes of memory, page cache included; zero: none

	withSums bool          // curl also with sha256sum: it differs where hashing decides
	slow     bool          // for several connections only: one takes minutes
	bound    time.Duration // by physics, zero: none
	figures  []figure
}

// A line is between two network namespaces.
type line struct {
	rate       float64 // bytes a second
	roundTrip  time.Duration
	loss       float64 // share of segments, each way
	congestion string
}

func topics() []string {
	return []string{"loopback", "paced", "rtt", "loss", "cubic", "cut", "files", "hub", "prefix", "memory"}
}

// scenarios are those for which inith has a figure to hold.
func scenarios(quick bool) []scenario {
	shrink := int64(1)
	if quick {
		shrink = 16
	}
	long := func(loss float64, congestion string) *line {
		return &line{rate: gigabit, roundTrip: roundTrip, loss: loss, congestion: congestion}
	}
	const pace = 25e6
	size := gib / shrink
	all := []scenario{
		{topic: "loopback", name: "loopback", size: size, withSums: true, figures: []figure{fastest(0.6)}},
		{
			topic: "paced", name: "25 MB/s a connection", size: size, pace: pace, bound: inSeconds(float64(size) / (connections * pace)),
			figures: []figure{fastest(0.45)},
		},
		{
			topic: "rtt", name: "50 ms RTT, 1 Gbit/s, cubic", size: size, line: long(0, "cubic"),
			figures: []figure{fastest(0.7), {of: inithName, versus: theBound, most: 1.1}},
		},
		{topic: "loss", name: "50 ms RTT, 1 Gbit/s, 0.5 % loss, bbr", size: size, line: long(0.005, "bbr"), figures: []figure{fastest(0.7)}},
		{
			topic: "cubic", name: "50 ms RTT, 1 Gbit/s, 0.5 % loss, cubic", size: 64 * mib / shrink, line: long(0.005, "cubic"), slow: true,
			figures: []figure{{of: inithName, versus: "aria2c", most: 1.1}, {of: inithWith32, versus: "aria2c", most: 0.7}},
		},
		{
			topic: "cut", name: fmt.Sprintf("every connection cut after %s", bytesText(32*mib/shrink)), size: size, cut: 32 * mib / shrink,
			figures: []figure{fastest(0.45)},
		},
		{
			topic: "files", name: "200 files of 256 KiB, 50 ms RTT", size: 256 * kib, files: 200, line: long(0, "cubic"),
			figures: []figure{{of: inithName, versus: "s5cmd", most: 0.9}},
		},
	}
	all = append(all, directories(128*mib/shrink, long(0, "cubic"))...)
	for _, limit := range []int64{256 * mib, 64 * mib} {
		all = append(all, scenario{
			topic: "memory", name: "memory cgroup of " + bytesText(limit), size: 4 * gib / shrink, limit: limit, withSums: true,
			figures: []figure{{of: inithName, versus: theCharge, most: 96 * mib}},
		})
	}
	for i := range all {
		all[i].files = max(1, all[i].files)
		if all[i].line != nil && all[i].files == 1 {
			all[i].bound = all[i].line.bound(all[i].size)
		}
		all[i].name += ", " + bytesText(all[i].size*int64(all[i].files)+smallSize*int64(all[i].small))
	}
	return all
}

// directories are those with a repository or a prefix as models have them: some large files, and many small ones.
func directories(large int64, slow *line) []scenario {
	var all []scenario
	for _, l := range []struct {
		layout layout
		topic  string
		name   string
	}{{hub, "hub", "repository of a hub"}, {prefix, "prefix", "prefix in S3"}} {
		s := scenario{topic: l.topic, size: large, files: 8, small: 200, layout: l.layout}
		near, far := s, s
		near.name, near.figures = l.name+", loopback", []figure{fastest(0.9), {of: inithName, versus: hashName, most: 1.11}}
		far.name, far.line, far.figures = l.name+", 50 ms RTT, 1 Gbit/s", slow, []figure{fastest(0.9)}
		all = append(all, near, far)
	}
	return all
}

// bound is the least time for a file over the line: a handshake, a request, TCP's
// slow start on all connections from the ten segments of RFC 6928, and from
// then on the line's rate, of which headers take their part.
func (l *line) bound(size int64) time.Duration {
	const payload, wire, first = 1448, 1514, 10
	rate := l.rate * payload / wire * (1 - l.loss)
	left, spent := float64(size), 2*l.roundTrip.Seconds()
	for window := float64(connections * first * payload); window < rate*l.roundTrip.Seconds() && left > window; window *= 2 {
		left -= window
		spent += l.roundTrip.Seconds()
	}
	return inSeconds(spent + left/rate)
}

// lacks says what the scenario needs and the machine has not.
func (s scenario) lacks(ctx context.Context) string {
	switch {
	case s.line == nil && s.limit == 0:
		return ""
	case os.Geteuid() != 0:
		return "needs root, for namespaces and cgroups"
	case s.limit > 0:
		if _, err := findCgroups(); err != nil {
			return err.Error()
		}
	case s.line != nil:
		if err := hasLine(ctx); err != nil {
			return err.Error()
		}
	}
	return ""
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// bytesText is exact for the sizes here: they are few powers of two.
func bytesText(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{gib, "GiB"}, {mib, "MiB"}} {
		if n >= unit.size {
			return fmt.Sprintf("%g %s", math.Round(10*float64(n)/float64(unit.size))/10, unit.name)
		}
	}
	return fmt.Sprintf("%d KiB", n/kib)
}
