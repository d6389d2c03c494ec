package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/internal/cgroup"
)

// A demand is what a command, or a kind of step, wants of the settings that a process has only once.
type demand struct {
	memory        float64 // share of the cgroup's memory limit for our heap; zero: whatever
	collectEarly  bool    // most of the heap are buffers that stay: to collect it costs little
	singleThread  bool    // it sleeps: fewer threads to wake cost a fifth less CPU
	sharesWithCMD bool    // a command that it runs needs memory of the same cgroup
}

// demands returns the demands of commands and kinds of steps, by name.
func demands() map[string]demand {
	return map[string]demand{
		"wait":     {singleThread: true},
		"fetch":    {memory: 0.5, collectEarly: true}, // the rest is for pages on their way to the disk
		"validate": {memory: 0.75},
		"exec":     {sharesWithCMD: true},
		"migrate":  {sharesWithCMD: true},
	}
}

// tune sets, once and before the work begins, what a process has only once: the smallest share of memory that a command
// asks for, and the rest only if all agree. What the user set in GOGC, GOMEMLIMIT and GOMAXPROCS stays.
func tune(env environment.Variables, kinds []string) {
	all := demands()
	share, early, shared, single := 1.0, false, false, true
	for _, kind := range kinds {
		d := all[kind]
		if d.memory > 0 {
			share = min(share, d.memory)
		}
		early, shared, single = early || d.collectEarly, shared || d.sharesWithCMD, single && d.singleThread
	}
	unset := func(name string) bool {
		_, set := env.Lookup(name)
		return !set
	}
	if early && unset("GOGC") {
		debug.SetGCPercent(50)
	}
	if single && unset("GOMAXPROCS") {
		runtime.GOMAXPROCS(1)
	}
	if share < 1 && unset("GOMEMLIMIT") {
		limitMemory(share, shared)
	}
}

// limitMemory keeps our heap to a share of the cgroup's limit; where commands share the cgroup, to half of what is left.
func limitMemory(share float64, shared bool) {
	limit, ok := cgroup.Cgroup(os.DirFS("/"))
	if !ok {
		return
	}
	bytes := int64(share * float64(limit.Max))
	if shared {
		bytes = min(bytes, limit.Free()/2)
	}
	debug.SetMemoryLimit(bytes)
}
