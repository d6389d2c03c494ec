package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A step takes a known time.
type step struct {
	name  string
	kind  string // exec, migrate, render: a command; wait: a port that opens so long after the start; fetch: a server that answers after it
	needs []string
	takes time.Duration
}

// A shape is a plan.
type shape struct {
	name  string
	steps []step // each after those that it needs
}

func shapes() []shape {
	const ms = time.Millisecond
	chain := shape{name: "chain of 8"}
	for i := range 8 {
		s := step{name: fmt.Sprint("s", i), kind: "exec", takes: 100 * ms}
		if i > 0 {
			s.needs = []string{fmt.Sprint("s", i-1)}
		}
		chain.steps = append(chain.steps, s)
	}
	fan := shape{name: "fan of 16", steps: []step{{name: "first", kind: "exec", takes: 200 * ms}}}
	last := step{name: "last", kind: "exec", takes: 200 * ms}
	for i := range 16 {
		name := fmt.Sprint("s", i)
		fan.steps = append(fan.steps, step{name: name, kind: "exec", needs: []string{"first"}, takes: time.Duration(100+20*i) * ms})
		last.needs = append(last.needs, name)
	}
	fan.steps = append(fan.steps, last)
	random, graph := rand.New(rand.NewPCG(1, 1)), shape{name: "graph of 30"} // the same each time
	for i := range 30 {
		s := step{name: fmt.Sprint("s", i), kind: "exec", takes: time.Duration(50+random.IntN(250)) * ms}
		for j := range i {
			if random.IntN(8) == 0 {
				s.needs = append(s.needs, fmt.Sprint("s", j))
			}
		}
		graph.steps = append(graph.steps, s)
	}
	agent := shape{name: "an agent's start-up", steps: []step{
		{name: "database", kind: "wait", takes: 1000 * ms},
		{name: "cache", kind: "wait", takes: 400 * ms},
		{name: "model", kind: "fetch", takes: 1200 * ms},
		{name: "config", kind: "render"},
		{name: "schema", kind: "migrate", needs: []string{"database", "config"}, takes: 600 * ms},
		{name: "warm", kind: "exec", needs: []string{"cache", "model", "schema"}, takes: 300 * ms},
	}}
	return []shape{chain, fan, graph, agent}
}
