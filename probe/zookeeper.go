package probe

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// zookeeperOptions are those of zookeeper.
type zookeeperOptions struct{ mode string }

func (o *zookeeperOptions) keys() []target.Key {
	return []target.Key{{
		Name: "mode", State: true, Set: target.OneOf(&o.mode, zookeeperModes()...),
		Usage: "ready when the server says that its mode is this: leader, follower, observer or standalone",
	}}
}

func zookeeperModes() []string { return []string{"leader", "follower", "observer", "standalone"} }

func (*zookeeperOptions) level(*spec) Level { return LevelProto }

func (o *zookeeperOptions) open(s *spec) (Prober, error) {
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	servers, err := hostList(s.url.Host, s.kind.port)
	switch {
	case err != nil:
		return nil, err
	case s.url.User != nil:
		return nil, errors.New("zookeeper has no login of this form: remove the user")
	case s.level == LevelState && o.mode == "":
		return nil, errors.New("level state needs mode in the fragment")
	}
	return &zookeeper{zookeeperOptions: *o, spec: s, servers: servers}, nil
}

// zookeeper asks by srvr, the only one of the four-letter words that a server answers by default.
// https://zookeeper.apache.org/doc/current/zookeeperAdmin.html#sc_4lw
type zookeeper struct {
	zookeeperOptions

	spec    *spec
	servers []string // one of which has to be ready
}

func (z *zookeeper) Probe(ctx context.Context) error { return anyOf(ctx, z.servers, z.ask) }

// ask makes the attempt at one server.
func (z *zookeeper) ask(ctx context.Context, server string) error {
	const maxAnswer = 16 << 10 // bytes
	if z.spec.level == LevelTCP {
		return newTCP(z.spec, "tcp", server).Probe(ctx)
	}
	c, err := z.spec.dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if _, err := io.WriteString(c, "srvr"); err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(c, maxAnswer)) // the server closes the connection after it
	if err != nil {
		return err
	}
	return z.judge(string(answer))
}

// judge decides on the answer to srvr.
func (z *zookeeper) judge(answer string) error {
	switch {
	case answer == "":
		return io.ErrUnexpectedEOF
	case strings.HasPrefix(answer, "This ZooKeeper instance is not currently serving requests"):
		return &usererr.Error{Text: "the server is not serving requests: it has no quorum (yet), or is starting"}
	case strings.HasPrefix(answer, "srvr is not executed because it is not in the whitelist") && z.mode == "":
		return nil
	case strings.HasPrefix(answer, "srvr is not executed because it is not in the whitelist"):
		return &usererr.Error{Text: "the server does not answer srvr", Hint: "add srvr to 4lw.commands.whitelist in zoo.cfg"}
	}
	mode := zookeeperMode(answer)
	switch {
	case mode == "":
		return errors.New("not an answer of ZooKeeper")
	case z.mode != "" && mode != z.mode:
		return &usererr.Error{Text: "the mode of the server is " + mode + ", not " + z.mode}
	}
	return nil
}

// zookeeperMode returns the mode in an answer, "" if it has none that is known.
func zookeeperMode(answer string) string {
	for line := range strings.Lines(answer) {
		mode, found := strings.CutPrefix(strings.TrimSpace(line), "Mode: ")
		if found && slices.Contains(zookeeperModes(), mode) {
			return mode
		}
	}
	return ""
}
