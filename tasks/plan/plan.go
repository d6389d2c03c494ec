// Package plan runs a graph of steps, each as soon as the steps that it needs are done. [Plan.Run] is the entry
// point.
//
// The first failure is the cause: running steps are cancelled and awaited, the others never start. The [Report] says
// where the time went.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Step is a piece of work.
type Step interface {
	// Run does the work. It returns soon after ctx is done. It must be safe to repeat, because it may be called again
	// after a failure, in this process or the next.
	Run(ctx context.Context) error
}

// A Node is a step with its place in the graph.
type Node struct {
	Name    string
	Kind    string        // what the step does, for users
	Needs   []string      // names of nodes that must be done first
	Timeout time.Duration // for all attempts; zero: none
	Retries int           // attempts after a failed one
	Step    Step
}

// A Plan is a graph of steps. [Check] finds no problem in its Nodes.
type Plan struct {
	Name  string // for the report, such as the file of the plan; "" if it has none
	Nodes []Node
	// Notify is called for each change of a step's state, one call at a time; nil: not called.
	Notify func(Event)
}

// An Event is a change of a step's state.
type Event struct {
	Node    int
	State   State
	Attempt int           // from 1
	Elapsed time.Duration // since the step began
	Pause   time.Duration // before the next attempt, of Retrying
	Err     error         // of Retrying, Failed and Cancelled
}

// A State is the state of a step.
type State int

// The states of a step.
const (
	Waiting   State = iota // for its needs
	Running                // an attempt
	Retrying               // between two attempts
	Done                   // successfully
	Failed                 // and with it the plan
	Cancelled              // while it ran, because the plan ended
)

func (s State) String() string {
	return [...]string{"waiting", "running", "retrying", "done", "failed", "cancelled"}[s]
}

// A Problem is something wrong with the graph.
type Problem struct {
	Node int
	Need int // which of its needs it is about, -1 for the node itself
	Err  error
}

// Check returns what is wrong with a graph: duplicate names, needs that no step has,
// cycles.
func Check(nodes []Node) []Problem {
	var all []Problem
	index := map[string]int{}
	for i, n := range nodes {
		if _, taken := index[n.Name]; taken {
			all = append(all, Problem{i, -1, fmt.Errorf("there is another step %q", n.Name)})
			continue
		}
		index[n.Name] = i
	}
	for i, n := range nodes {
		for k, need := range n.Needs {
			switch _, known := index[need]; {
			case need == n.Name:
				all = append(all, Problem{i, k, errors.New("a step cannot need itself")})
			case !known:
				all = append(all, Problem{i, k, &UnknownNeedError{need}})
			case slices.Contains(n.Needs[:k], need):
				all = append(all, Problem{i, k, fmt.Errorf("duplicate need %q", need)})
			}
		}
	}
	return append(all, cycles(nodes, index)...)
}

// An UnknownNeedError says that no step has the name that another needs.
type UnknownNeedError struct{ Name string }

func (*UnknownNeedError) Error() string { return "no step has this name" }

// cycles returns a problem for each cycle.
func cycles(nodes []Node, index map[string]int) []Problem {
	const (
		unseen = iota
		onWay
		seen
	)
	var all []Problem
	state := make([]int, len(nodes))
	var way []string
	var visit func(i int)
	visit = func(i int) {
		state[i] = onWay
		way = append(way, nodes[i].Name)
		for k, need := range nodes[i].Needs {
			switch j, known := index[need]; {
			case !known || need == nodes[i].Name: // reported above
			case state[j] == unseen:
				visit(j)
			case state[j] == onWay:
				from := slices.Index(way, need)
				text := strings.Join(append(slices.Clone(way[from:]), need), " needs ")
				all = append(all, Problem{i, k, errors.New("a cycle: " + text)})
			}
		}
		way = way[:len(way)-1]
		state[i] = seen
	}
	for i := range nodes {
		if state[i] == unseen {
			visit(i)
		}
	}
	return all
}
