package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/inith/inith/integration/bench/linkem"
)

const (
	roleLink   = "link"
	device     = "link0"
	clientAddr = "198.18.0.1" // a network for benchmarks, RFC 2544
	serverAddr = "198.18.0.2"
	network    = "198.18.0.0/24"
	queueBytes = 6 * mib // in front of the rate: about one round trip of it
)

// A place is where the tools and the origin are. Nil namespaces are the
// machine's own loopback.
type place struct {
	client, server *namespace
	addr           string // that the origin has
	by             string // what emulates the line, if there is one
	link           *helper
}

// newPlace makes two namespaces with a line between them.
func newPlace(ctx context.Context, l *line) (p *place, err error) {
	if l == nil {
		return &place{addr: "127.0.0.1"}, nil
	}
	p = &place{addr: serverAddr}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.client, err = newNamespace(); err != nil {
		return p, err
	}
	if p.server, err = newNamespace(); err != nil {
		return p, err
	}
	if hasNetem(ctx) {
		p.by, err = "tc netem", p.connectByNetem(ctx, l)
	} else {
		p.by, err = "linkem, since this kernel has no tc netem", p.connectByLinkem(ctx, l)
	}
	return p, errors.Join(err, p.address(ctx, l))
}

// address gives both ends of the line an address, and a route with the
// congestion control.
func (p *place) address(ctx context.Context, l *line) error {
	var errs []error
	for _, end := range []struct {
		n    *namespace
		addr string
	}{{p.client, clientAddr}, {p.server, serverAddr}} {
		for _, argv := range [][]string{
			{"ip", "addr", "add", end.addr + "/24", "dev", device},
			{"ip", "link", "set", "lo", "up"},
			{"ip", "link", "set", device, "up"},
			{"ip", "route", "replace", network, "dev", device, "congctl", l.congestion},
		} {
			errs = append(errs, end.n.run(ctx, argv...))
		}
	}
	return errors.Join(errs...)
}

// close returns what the link has to say.
func (p *place) close() string {
	words := ""
	if p.link != nil {
		words = p.link.stop()
	}
	p.client.close()
	p.server.close()
	return words
}

// hasLine tells why there can be no line, nil if there can.
func hasLine(ctx context.Context) error {
	n, err := newNamespace()
	if err != nil {
		return err
	}
	defer n.close()
	if hasNetem(ctx) {
		return nil
	}
	return n.do(func() error {
		f, err := linkem.Open(device)
		if err != nil {
			return fmt.Errorf("no tc netem, and no TUN device: %w", err)
		}
		return f.Close()
	})
}

func hasNetem(ctx context.Context) bool {
	n, err := newNamespace()
	if err != nil {
		return false
	}
	defer n.close()
	return n.run(ctx, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms") == nil
}

// connectByNetem lets the kernel emulate the line. Without segmentation offload,
// netem's losses are of single segments, and its limit is in them.
func (p *place) connectByNetem(ctx context.Context, l *line) error {
	peer := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), p.server.f.Fd())
	errs := []error{p.client.run(ctx, "ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", peer)}
	limit := (l.rate*l.roundTrip.Seconds()/2 + queueBytes) / 1514
	for _, n := range []*namespace{p.client, p.server} {
		errs = append(errs,
			n.run(ctx, "ip", "link", "set", device, "gso_max_segs", "1"),
			n.run(ctx, "tc", "qdisc", "add", "dev", device, "root", "netem",
				"delay", strconv.FormatInt((l.roundTrip/2).Microseconds(), 10)+"us",
				"rate", strconv.FormatFloat(8*l.rate, 'f', 0, 64)+"bit",
				"loss", strconv.FormatFloat(100*l.loss, 'f', 2, 64)+"%",
				"limit", strconv.FormatFloat(limit, 'f', 0, 64)))
	}
	return errors.Join(errs...)
}

// connectByLinkem starts a helper between two TUN devices, which last as long
// as it.
func (p *place) connectByLinkem(ctx context.Context, l *line) error {
	var devices []*os.File
	defer func() {
		for _, f := range devices {
			_ = f.Close()
		}
	}()
	for _, n := range []*namespace{p.client, p.server} {
		err := n.do(func() error {
			f, err := linkem.Open(device)
			if err == nil {
				devices = append(devices, f)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	var err error
	p.link, err = startHelper(ctx, nil, devices, roleLink, "-rate", fmt.Sprint(l.rate), "-delay", (l.roundTrip / 2).String(), "-loss", fmt.Sprint(l.loss))
	return err
}

// emulateLink forwards between the devices of descriptors 3 and 4 until its
// standard input ends.
func emulateLink(stdin io.Reader, stdout io.Writer, args []string) error {
	l := linkem.Line{Queue: queueBytes}
	f := flag.NewFlagSet(roleLink, flag.ContinueOnError)
	f.Float64Var(&l.Rate, "rate", 0, "bytes a second")
	f.DurationVar(&l.Delay, "delay", 25*time.Millisecond, "one way")
	f.Float64Var(&l.Loss, "loss", 0, "share of segments")
	if err := f.Parse(args); err != nil {
		return err
	}
	link := linkem.New(l)
	done := make(chan error, 2)
	go func() { done <- link.Forward(os.NewFile(3, "client"), os.NewFile(4, "server")) }()
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		done <- err
	}()
	fmt.Fprintln(stdout, "ready")
	err := <-done
	fmt.Fprintf(stdout, "line, to the origin: %v\nline, to the tools: %v\n", link.Up(), link.Down())
	return err
}
