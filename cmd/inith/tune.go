package main

import (
	"cmp"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/cgroup"
)

// A demand is what a command, or a kind of step, wants of the settings that a process has only once.
type demand struct {
	needs         int64   // bytes of memory that the container should have; zero: whatever
	memory        float64 // share of the cgroup's memory limit for our heap; zero: whatever
	gcPercent     int     // GOGC: low where most of the heap stays, so that to collect it costs little; high where nothing does; 0: the default
	singleThread  bool    // it sleeps: fewer threads to wake cost a fifth less CPU
	sharesWithCMD bool    // a command that it runs needs memory of the same cgroup
}

// demands returns the demands of commands and kinds of steps, by name.
func demands() map[string]demand {
	return map[string]demand{
		"wait":            {needs: 32 << 20, singleThread: true},
		"fetch":           {needs: 64 << 20, memory: 0.5, gcPercent: 50}, // the rest is for pages on their way to the disk
		"validate":        {memory: 0.75},
		"render":          {memory: 0.75},
		"lint":            {memory: 0.75, gcPercent: 25},
		"exec":            {sharesWithCMD: true},
		"migrate":         {sharesWithCMD: true},
		"sidecar audit":   {needs: 64 << 20, memory: 0.7, gcPercent: 200}, // a small heap is collected often, and requests wait for it
		"sidecar logs":    {needs: 32 << 20, memory: 0.75},
		"sidecar metrics": {memory: 0.75},
	}
}

// tune sets, once and before the work begins, what a process has only once: the smallest share of memory that a command
// asks for, and the rest only if all agree. What the user set in GOGC, GOMEMLIMIT and GOMAXPROCS stays.
func tune(env environment.Variables, log *slog.Logger, kinds []string) {
	all := demands()
	sum := demand{memory: 1, singleThread: true}
	for _, kind := range kinds {
		d := all[kind]
		if d.memory > 0 {
			sum.memory = min(sum.memory, d.memory)
		}
		sum.needs = max(sum.needs, d.needs)
		if d.gcPercent > 0 {
			sum.gcPercent = min(cmp.Or(sum.gcPercent, d.gcPercent), d.gcPercent)
		}
		sum.sharesWithCMD = sum.sharesWithCMD || d.sharesWithCMD
		sum.singleThread = sum.singleThread && d.singleThread
	}
	unset := func(name string) bool {
		_, set := env.Lookup(name)
		return !set
	}
	if sum.gcPercent > 0 && unset("GOGC") {
		debug.SetGCPercent(sum.gcPercent)
	}
	unmapBinary(false)
	time.AfterFunc(tuneDelay, func() {
		unmapBinary(true) // of the start of the work, too
		if sum.singleThread && unset("GOMAXPROCS") {
			runtime.GOMAXPROCS(1)
		}
		if sum.memory == 1 {
			sum.memoryLimit(log)
		}
	})
	if sum.memory < 1 {
		if limit, ok := sum.memoryLimit(log); ok && unset("GOMEMLIMIT") {
			debug.SetMemoryLimit(sum.heap(limit))
		}
	}
}

// tuneDelay is when the process settles down: a command that is done by then, such as a wait whose target is ready at
// once, does not pay for it, a tenth of its CPU.
const tuneDelay = 100 * time.Millisecond

// memoryLimit returns the limit of the cgroup, and warns if it is too small.
func (d demand) memoryLimit(log *slog.Logger) (cgroup.Limit, bool) {
	limit, ok := cgroup.Cgroup(os.DirFS("/"))
	if ok && limit.Max < d.needs {
		log.Warn("the memory limit is less than inith needs: the kernel may kill it", "limit", bytesize.Text(limit.Max), "needs", bytesize.Text(d.needs))
	}
	return limit, ok
}

// heap returns the limit of our heap in bytes: a share of the cgroup's limit; where commands share the cgroup, at most half
// of what is left.
func (d demand) heap(limit cgroup.Limit) int64 {
	bytes := int64(d.memory * float64(limit.Max))
	if d.sharesWithCMD {
		bytes = min(bytes, limit.Free()/2)
	}
	return bytes
}

// attemptsAtOnce returns how many of the attempts at so many targets fit into the memory limit; zero means all. Few always
// do, and a wait for few is spared the look at the limit.
func attemptsAtOnce(targets int) int {
	const (
		few        = 64
		ofAttempt  = 128 << 10 // bytes, of one over TLS whose server hangs
		ofTheOther = 20 << 20  // bytes
	)
	if targets <= few {
		return 0
	}
	limit, ok := cgroup.Cgroup(os.DirFS("/"))
	if !ok {
		return 0
	}
	return int(max(few, (limit.Max-ofTheOther)/ofAttempt))
}
