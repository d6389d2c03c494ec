package faultserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Request is one that a server got, and what came of it.
type Request struct {
	Time   time.Time
	Conn   int    // number of the connection, from 1
	Remote string // address of the client
	Proxy  bool   // it went through the proxy
	Method string
	Host   string
	URL    string // as in the request line
	Header http.Header
	Range  string   // as asked for, such as bytes=0-99; "": none
	Status int      // of the answer; zero: there was none
	Span   Span     // bytes of the content that the answer was to hold
	Sent   int64    // bytes of the answer's body that were written
	Struck []string // names of the faults that struck
}

// Stats is how a server was used. Bytes count when the kernel has taken them.
type Stats struct {
	Conns        int   // that it accepted
	PeakConns    int   // most that were open at once
	Requests     int   // that it got
	PeakRequests int   // most that were being answered at once
	Sent         int64 // bytes of bodies
}

// log is the record of a server.
type log struct {
	record   sync.Mutex
	requests []*Request
	stats    Stats
	conns    int // open now
	busy     int // requests being answered now
}

// Requests returns the requests that the origin got, and its proxy, in the order
// of their arrival.
func (l *log) Requests() []Request {
	l.record.Lock()
	defer l.record.Unlock()
	all := make([]Request, 0, len(l.requests))
	for _, r := range l.requests {
		one := *r
		one.Header, one.Struck = r.Header.Clone(), slices.Clone(r.Struck)
		all = append(all, one)
	}
	return all
}

// Stats returns how the origin was used, and its proxy.
func (l *log) Stats() Stats {
	l.record.Lock()
	defer l.record.Unlock()
	return l.stats
}

// joined numbers a connection.
func (l *log) joined() int {
	l.record.Lock()
	defer l.record.Unlock()
	l.stats.Conns++
	l.conns++
	l.stats.PeakConns = max(l.stats.PeakConns, l.conns)
	return l.stats.Conns
}

func (l *log) left() {
	l.record.Lock()
	defer l.record.Unlock()
	l.conns--
}

func (l *log) asked(r *Request) {
	l.record.Lock()
	defer l.record.Unlock()
	l.requests = append(l.requests, r)
	l.stats.Requests++
	l.busy++
	l.stats.PeakRequests = max(l.stats.PeakRequests, l.busy)
}

func (l *log) answered() {
	l.record.Lock()
	defer l.record.Unlock()
	l.busy--
}

// note changes a record.
func (l *log) note(change func()) {
	l.record.Lock()
	defer l.record.Unlock()
	change()
}

func (l *log) sent(r *Request, n int) {
	l.record.Lock()
	defer l.record.Unlock()
	r.Sent += int64(n)
	l.stats.Sent += int64(n)
}

// Strangers returns the requests that hosts other than the origin got: those that
// redirects lead to, and the link-local one.
func (s *Server) Strangers() []Request {
	var all []Request
	for _, stranger := range []*Server{s.other, s.metadata} {
		if stranger != nil {
			all = append(all, stranger.Requests()...)
		}
	}
	return all
}

// Leaks tells which requests to strangers held the [Secret], and where.
func (s *Server) Leaks() []string {
	var found []string
	for _, r := range s.Strangers() {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), Secret) {
				found = append(found, fmt.Sprintf("%s to %s", name, r.Host))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
