package faultserver

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// stalls returns faults of servers that are slow.
func stalls() []Fault {
	return []Fault{
		{
			Number: 24, Name: "no-head", Does: "never answers a request",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Hangs, Times: 1, respond: hang,
		},
		{
			Number: 24, Name: "no-handshake", Does: "accepts a connection, and never answers the TLS handshake",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Hangs,
			Times: 1, accept: (*Server).keepSilent, prepare: func(s *Server) { s.TLS = true },
		},
		{
			Number: 25, Name: "stall", Does: "sends nothing more in the middle of a body",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Hangs,
			Times: 1, placed: true, respond: func(x *exchange) { x.placeHere((*conn).stall) },
		},
		{
			Number: 26, Name: "drip", Does: "sends 1 KB a second from the middle of a body on",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Hangs,
			Times: 1, placed: true, respond: func(x *exchange) { x.placeHere((*conn).drip) },
		},
	}
}

// keepSilent says nothing until the client goes away.
func (*Server) keepSilent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// statuses returns faults of servers that have no answer, for now or for good.
func statuses() []Fault {
	all := []Fault{
		retryAfter("retry-after", 429, func() string { return "2" }),
		retryAfter("retry-after-date", 503, func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }),
		retryAfter("retry-after-day", 429, func() string { return "86400" }),
		retryAfter("retry-after-negative", 503, func() string { return "-1" }),
		retryAfter("retry-after-garbage", 429, func() string { return "soon" }),
		{
			Number: 28, Name: "slow-down", Does: "answers three requests with 503 SlowDown, as S3 does",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: WrongBytes,
			Times: 3, respond: func(x *exchange) {
				a := status(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
				a.header.Set("Content-Type", "application/xml")
				x.replace(a)
			},
		},
	}
	for _, code := range []int{500, 502, 503, 504, 408, 425, 520, 524} {
		all = append(all, answers(code, 2, Right))
	}
	for _, code := range []int{501, 400, 404, 410, 451} {
		all = append(all, answers(code, -1, Refuse))
	}
	return all
}

func answers(code, times int, outcome Outcome) Fault {
	return Fault{
		Number: 28, Name: "status-" + strconv.Itoa(code), Does: fmt.Sprintf("answers %d", code),
		Pinned: outcome, Unpinned: outcome, Naive: Naive, Harm: WrongBytes,
		Times: times, respond: func(x *exchange) { x.replace(refuse(code)) },
	}
}

func retryAfter(name string, code int, value func() string) Fault {
	return Fault{
		Number: 27, Name: name, Does: fmt.Sprintf("answers %d with a Retry-After of this kind", code),
		Pinned: Right, Unpinned: Right, Naive: Naive, Harm: WrongBytes,
		Times: 1, respond: func(x *exchange) {
			a := refuse(code)
			a.header.Set("Retry-After", value())
			x.replace(a)
		},
	}
}

// retries returns faults of servers that fail often.
func retries() []Fault {
	return []Fault{
		{
			Number: 29, Name: "fails-five-times", Does: "resets five connections, then works",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Fails,
			Times: 5, respond: func(x *exchange) { x.place(-1, (*conn).reset) },
		},
		{
			Number: 29, Name: "fails-always", Does: "answers 500 for ever",
			Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: WrongBytes,
			Times: -1, respond: func(x *exchange) { x.replace(refuse(http.StatusInternalServerError)) },
		},
	}
}

// lookups returns faults of names and addresses.
func lookups() []Fault {
	fault := func(name, does string, harm Harm, times int, found ...string) Fault {
		return Fault{
			Number: 31, Name: name, Does: does, Pinned: Right, Unpinned: Right, Naive: Naive, Harm: harm, Times: times,
			resolve: func() []netip.Addr {
				return addresses(found...)
			},
			prepare: func(s *Server) {
				s.named = true
				s.silent = slices.Contains(found, silent)
				s.blackhole = slices.Contains(found, blackhole)
			},
		}
	}
	return []Fault{
		fault("no-such-host", "does not know the name at two lookups", Fails, 2),
		fault("address-refuses", "gives an address where nothing listens at two lookups", Fails, 2, refusing),
		fault("address-silent", "gives two addresses, of which the first accepts and says nothing", Hangs, -1, silent, live),
		fault("address-drops", "gives two addresses, of which the first drops packets", Hangs, -1, blackhole, live),
	}
}
