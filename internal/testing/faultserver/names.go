package faultserver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// OriginName is the name of the origin where the fault is in how it is looked up.
// [Server.Resolver] knows it.
const OriginName = "origin.test"

// Addresses. All but the first need Linux, where all of 127.0.0.0/8 is there.
const (
	live      = "127.0.0.1"
	refusing  = "127.0.0.2" // nothing listens there
	silent    = "127.0.0.3" // accepts, and says nothing
	blackhole = "127.0.0.4" // does not even accept
	linkLocal = "169.254.169.254"
)

// Of DNS (RFC 1035).
const (
	dnsHead     = 12
	TypeA       = 1
	TypeAAAA    = 28
	dnsAnswer   = 0x8180 // a response, recursion desired and available
	dnsNotFound = 3
)

// A nameserver answers for the names of the origin and of hosts below it.
type nameserver struct {
	socket  net.PacketConn
	address string
	resolve func(name string) []netip.Addr // none: there is no such name
	mute    []uint16                       // types of records for which it never answers
	stop    func()                         // what stops with it; nil: nothing
}

// startNames starts a name server, and what its addresses need.
func (s *Server) startNames(ctx context.Context) error {
	var err error
	if s.names, err = listenNames(ctx, s.lookup); err != nil {
		return err
	}
	s.running.Go(s.names.serve)
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return err
	}
	if s.silent {
		if _, err := s.listen(ctx, net.JoinHostPort(silent, port), s.keepSilent); err != nil {
			return err
		}
	}
	if s.blackhole {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return err
		}
		s.names.stop, err = ListenBlackhole(ctx, netip.AddrPortFrom(netip.MustParseAddr(blackhole), uint16(number)))
		return err
	}
	return nil
}

func listenNames(ctx context.Context, resolve func(name string) []netip.Addr) (*nameserver, error) {
	var config net.ListenConfig
	socket, err := config.ListenPacket(ctx, "udp", net.JoinHostPort(live, "0"))
	if err != nil {
		return nil, err
	}
	return &nameserver{socket: socket, address: socket.LocalAddr().String(), resolve: resolve}, nil
}

// StartNames starts a name server for names below [OriginName], and returns what asks
// it until stop. It never answers for the types of records that are mute.
func StartNames(ctx context.Context, resolve func(name string) []netip.Addr, mute ...uint16) (r *net.Resolver, stop func(), err error) {
	n, err := listenNames(ctx, resolve)
	if err != nil {
		return nil, nil, err
	}
	n.mute = mute
	var running sync.WaitGroup
	running.Go(n.serve)
	return n.resolver(), func() {
		n.close()
		running.Wait()
	}, nil
}

// lookup returns the addresses of a name.
func (s *Server) lookup(name string) []netip.Addr {
	if name != OriginName && !strings.HasSuffix(name, "."+OriginName) {
		return nil
	}
	for _, i := range s.injected(func(f *Fault) bool { return f.resolve != nil }) {
		if name == OriginName && i.arm() {
			i.strike()
			return i.fault.resolve()
		}
	}
	return addresses(live)
}

func addresses(all ...string) []netip.Addr {
	parsed := make([]netip.Addr, len(all))
	for i, a := range all {
		parsed[i] = netip.MustParseAddr(a)
	}
	return parsed
}

// Resolver returns one that asks the server's name server, nil if it has none.
func (s *Server) Resolver() *net.Resolver {
	if s.names == nil {
		return nil
	}
	return s.names.resolver()
}

func (n *nameserver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.address)
	}}
}

func (n *nameserver) close() {
	_ = n.socket.Close()
	if n.stop != nil {
		n.stop()
	}
}

func (n *nameserver) serve() {
	packet := make([]byte, 1500)
	for {
		size, from, err := n.socket.ReadFrom(packet)
		if err != nil {
			return
		}
		if reply := n.answer(packet[:size]); reply != nil {
			_, _ = n.socket.WriteTo(reply, from)
		}
	}
}

// answer returns the answer to a query, nil if it is none. There are addresses of
// IPv4 only: all other records of a name are none.
func (n *nameserver) answer(query []byte) []byte {
	name, end := question(query)
	if end == 0 || slices.Contains(n.mute, binary.BigEndian.Uint16(query[end-4:])) {
		return nil
	}
	var found []netip.Addr
	flags := uint16(dnsAnswer)
	switch {
	case binary.BigEndian.Uint16(query[end-4:]) == TypeA:
		if found = n.resolve(name); len(found) == 0 {
			flags |= dnsNotFound
		}
	case !strings.HasSuffix("."+name, "."+OriginName):
		flags |= dnsNotFound
	}
	reply := append([]byte(nil), query[:2]...)
	for _, word := range []uint16{flags, 1, uint16(len(found)), 0, 0} { //nolint:gosec // a few
		reply = binary.BigEndian.AppendUint16(reply, word)
	}
	reply = append(reply, query[dnsHead:end]...)
	for _, a := range found {
		reply = append(reply, 0xc0, dnsHead, 0, TypeA, 0, 1, 0, 0, 0, 0, 0, 4) // the name asked for, no time to live
		reply = append(reply, a.AsSlice()...)
	}
	return reply
}

// question returns the name that a query asks for, and where the question ends: 0
// if there is none.
func question(query []byte) (name string, end int) {
	at := dnsHead
	var labels []string
	for at < len(query) && query[at] != 0 {
		next := at + 1 + int(query[at])
		if next > len(query) {
			return "", 0
		}
		labels = append(labels, strings.ToLower(string(query[at+1:next])))
		at = next
	}
	if at+5 > len(query) {
		return "", 0
	}
	return strings.Join(labels, "."), at + 5
}
