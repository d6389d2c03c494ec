package faultserver

import (
	"fmt"
	"net/http"
	"slices"
)

// lengths returns faults of how much comes.
func lengths() []Fault {
	return append([]Fault{
		{
			Number: 4, Name: "shorter", Does: "sends half of the range asked for, and says so",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 3, when: long, respond: func(x *exchange) { x.move(x.half()) },
		},
		{
			Number: 4, Name: "shorter-untold", Does: "sends half of the range that it says it sends",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 3, when: long, respond: func(x *exchange) {
				x.answer.span = x.half()
				x.answer.length = x.answer.span.Len()
			},
		},
		{
			Number: 4, Name: "longer", Does: "sends bytes of something else after those of each range",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: ranged, respond: func(x *exchange) {
				x.answer.tail = Content{Size: 16 * block, Seed: 4}.All()
				x.answer.length += 16 * block
			},
		},
		{
			Number: 5, Name: "total-changed", Does: "has another, longer file after the first request, with no validators",
			Pinned: Right, Unpinned: Right, Avoidable: true, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, Skip: 1, when: get, represent: replaced,
			prepare: func(s *Server) { s.bare, s.changes, s.grows = true, true, block+1 },
		},
		{
			Number: 5, Name: "total-unknown", Does: "never tells the size of the file",
			Pinned: Either, Unpinned: Either, Naive: NaiveRanges, Harm: Fails,
			Times: -1, when: fileOrHead, respond: totalUnknown,
		},
		{
			Number: 12, Name: "empty", Does: "has a file without a byte, so that every range gets 416",
			Pinned: Right, Unpinned: Right, Avoidable: true, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: asksRange, respond: func(*exchange) {}, prepare: func(s *Server) { s.Content = Content{} },
		},
	}, slices.Concat(heads(), unsizedFaults(), cuts())...)
}

func heads() []Fault {
	fault := func(name, does string, harm Harm, respond func(x *exchange)) Fault {
		return Fault{
			Number: 8, Name: name, Does: does + " to HEAD", Pinned: Right, Unpinned: Right, Avoidable: true,
			Naive: NaiveRanges, Harm: harm, Times: -1, when: head, respond: respond,
		}
	}
	all := []Fault{fault("head-hangs", "never answers", Hangs, hang)}
	for _, code := range []int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented} {
		all = append(all, fault(fmt.Sprintf("head-%d", code), fmt.Sprintf("answers %d", code), WrongBytes,
			func(x *exchange) { x.replace(refuse(code)) }))
	}
	return all
}

// unsizedFaults are of answers without a length.
func unsizedFaults() []Fault {
	chunked := Fault{
		Number: 9, Name: "chunked", Does: "has no ranges and no length, but chunks",
		Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: Fails,
		Times: -1, when: fileOrHead, respond: func(x *exchange) { x.unsized(chunks) },
	}
	closed := Fault{
		Number: 9, Name: "until-close", Does: "has no ranges and no length: the file ends where the connection does",
		Pinned: Right, Unpinned: Either, Naive: NaiveRanges, Harm: Fails,
		Times: -1, when: fileOrHead, respond: func(x *exchange) { x.unsized(untilClose) },
	}
	return []Fault{
		chunked, closed,
		{
			Number: 9, Name: "chunked-cut", Does: "has no ranges and no length, but chunks, and is cut off",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 1, placed: true, respond: func(x *exchange) { x.placeHere((*conn).fin) },
			prepare: func(s *Server) { s.always(chunked) },
		},
		{
			Number: 9, Name: "until-close-cut", Does: "has no ranges and no length, and the connection closes early, which nobody can see",
			Pinned: Either, Unpinned: Blind, Naive: Naive, Harm: WrongBytes,
			Times: 1, placed: true, respond: func(x *exchange) { x.placeHere((*conn).fin) },
			prepare: func(s *Server) { s.always(closed) },
		},
	}
}

func cuts() []Fault {
	return []Fault{
		{
			Number: 10, Name: "cut", Does: "closes the connection before all bytes are sent",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 2, placed: true, respond: func(x *exchange) { x.placeHere((*conn).fin) },
		},
		{
			Number: 10, Name: "reset", Does: "resets the connection before all bytes are sent",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 2, placed: true, respond: func(x *exchange) { x.placeHere((*conn).reset) },
		},
		{
			Number: 10, Name: "reset-early", Does: "resets the connection before it answers",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 2, respond: func(x *exchange) { x.place(-1, (*conn).reset) },
		},
	}
}
