package faultserver

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
)

// A Fault is one way for a server, or what is between it and a client, to go wrong.
// The exported fields may be changed before it is injected.
type Fault struct {
	Number int    // in the project's list of faults
	Name   string // unique
	Does   string // what happens

	Pinned    Outcome // of a right client that knows the digest of the file
	Unpinned  Outcome // of one that does not
	Avoidable bool    // a right client need not even meet it: it may count none

	Naive Script // goes wrong
	Harm  Harm   // so

	Times int   // how often it strikes at most; negative: always
	Skip  int   // how many chances to strike it lets pass first
	At    int64 // where in the file, for faults that have a place; zero: in the middle

	// The rest is how it works. A fault has one of the first five.
	accept    func(s *Server, c net.Conn)     // has the connection
	resolve   func() (addresses []netip.Addr) // answers for the origin's name
	represent func(x *exchange)               // before what is right is known
	respond   func(x *exchange)               // changes the right answer
	tunnel    func(t *tunnel)                 // changes what a proxy passes on

	when    func(x *exchange) bool // whether it could strike; nil: any answer that brings content
	placed  bool                   // it is at a place: it strikes what crosses it
	remote  bool                   // it strikes the other host
	prepare func(s *Server)        // before the start
}

// An Outcome is what a fault may lead to.
type Outcome int

// The outcomes.
const (
	Right  Outcome = iota + 1 // the right bytes come
	Refuse                    // an error, and no file
	Either                    // one of these
	Blind                     // anything: nobody could tell
)

// String returns a word for people.
func (o Outcome) String() string {
	return [...]string{"", "right bytes", "an error", "right bytes or an error", "anything"}[o]
}

// A Harm is what a fault does to a naive client.
type Harm int

// The harms.
const (
	WrongBytes Harm = iota + 1 // without an error
	Fails                      // it gets an error, or no client gets more
	Hangs
	Leaks  // [Secret] goes where it must not: to another host, or into an error
	Strays // a request goes where none must
)

// String returns a word for people.
func (h Harm) String() string {
	return [...]string{"", "wrong bytes", "an error", "a hang", "a leak", "a stray request"}[h]
}

// Faults returns all faults.
func Faults() []Fault {
	return slices.Concat(ranges(), lengths(), identity(), integrity(), encodings(), stalls(), statuses(), retries(),
		lookups(), links(), redirects(), chains(), proxies())
}

// Find returns the fault of a name.
func Find(name string) (Fault, bool) {
	all := Faults()
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return all[i], true
}

// Mixable returns the faults that can be injected together and at any time, which
// strike so often at most that a right client gets the right bytes in the end.
func Mixable() []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool {
		return f.prepare != nil || f.Times < 0 || f.Pinned != Right || f.Unpinned != Right && f.Number != corrupted
	})
}

// String returns the number and the name.
func (f Fault) String() string { return strconv.Itoa(f.Number) + "-" + f.Name }

// An Injection is a fault of a server.
type Injection struct {
	fault Fault
	mu    sync.Mutex
	seen  int // chances to strike
	armed int // those that were taken
	fired int // those that came about
}

// Inject makes the server go wrong. It must be called when Content is set and before
// Start, but for the faults that [Mixable] returns: those may come at any time.
func (s *Server) Inject(f Fault) *Injection {
	if f.prepare != nil {
		if s.started {
			panic("faultserver: " + f.Name + " is injected after the start")
		}
		f.prepare(s)
	}
	target := s
	if f.remote {
		target = s.stranger()
	}
	i := &Injection{fault: f}
	target.mu.Lock()
	defer target.mu.Unlock()
	target.injections = append(target.injections, i)
	return i
}

// Fault returns what was injected.
func (i *Injection) Fault() Fault { return i.fault }

// Fired returns how often the fault has struck. A chance to strike that did not come
// about, since the client went away before, does not count and is not used up. What
// was sent counts, also if the client lost it because the connection was reset.
func (i *Injection) Fired() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fired
}

// arm decides whether a chance to strike is taken.
func (i *Injection) arm() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen++
	if i.seen <= i.fault.Skip || i.fault.Times >= 0 && i.armed >= i.fault.Times {
		return false
	}
	i.armed++
	return true
}

// strike is for a chance that came about, miss for one that did not.
func (i *Injection) strike() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fired++
}

func (i *Injection) miss() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.armed--
}

// injected returns the injections that work in a way.
func (s *Server) injected(works func(f *Fault) bool) []*Injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	var some []*Injection
	for _, i := range s.injections {
		if works(&i.fault) {
			some = append(some, i)
		}
	}
	return some
}

// always makes the server do something that is no fault by itself.
func (s *Server) always(f Fault) {
	f.Times = -1
	s.Inject(f)
}

// stranger returns the other host.
func (s *Server) stranger() *Server {
	if s.other == nil {
		s.other = &Server{setup: setup{otherName: "localhost"}}
	}
	return s.other
}
