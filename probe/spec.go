package probe

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/environ"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// A spec is what one target asks for, whatever its kind.
type spec struct {
	kind    Kind
	options options
	url     *url.URL // with a port, where the kind has one
	level   Level
	timeout time.Duration // of an attempt; zero leaves it to the caller
	settle  time.Duration // negative: the default
	tls     tlsconfig.TLS
	proxy   *url.URL
	env     []string
	down    bool // wait until nothing is there any more
	dialer  *Dialer
	drop    func(queryKey string) error // nil if an unknown query key was dropped
	trimmed func(passwordFile string)   // says that its newline was removed
}

// newSpec reads what a URL asks of its kind, beside the options of the command.
func newSpec(k Kind, u *url.URL, o Options) (*spec, error) {
	s := &spec{
		kind: k, options: k.options(), url: u, settle: -1,
		tls: o.TLS.config(), proxy: o.Proxy, env: o.Env, down: o.Down, dialer: &Dialer{}, drop: dropper(u, o),
		trimmed: credentials.WarnTrimmed(o.Logger),
	}
	given, err := target.Fragment(u.EscapedFragment(), k.Name, s.keys())
	if err != nil {
		return nil, err
	}
	if err := s.tls.Check(); err != nil {
		return nil, err
	}
	if err := s.checkPort(); err != nil {
		return nil, err
	}
	return s, s.askLevel(o.Level, given)
}

// name returns what may be shown of the URL.
func (s *spec) name() string { return redact.URL(s.url) }

// keys are those of every kind and the kind's own.
func (s *spec) keys() []target.Key {
	keys := []target.Key{
		{Name: "level", Usage: "tcp, proto, auth or state; overrides `--level`", Set: func(value string) (err error) {
			s.level, err = ParseLevel(value)
			return err
		}},
		{Name: "timeout", Usage: "of one attempt; overrides `--attempt-timeout`", Set: target.Duration(&s.timeout, time.Millisecond)},
		{
			Name:  "settle",
			Usage: "at level tcp: how long an accepted connection must stay open (default 100ms; 0s does not check that)",
			Set:   target.Duration(&s.settle, 0),
		},
	}
	keys = append(keys, s.options.keys()...)
	if s.kind.tls {
		keys = append(keys, target.TLSKeys(&s.tls)...)
	}
	return keys
}

// roleUsage is the text for a key that several kinds have.
const roleUsage = "ready when the server itself says that it is this: master or slave (also replica) for redis; " +
	"primary (also a server without a replica set), secondary or mongos for mongodb"

// password returns the password of the URL, or of a file if one is named.
func (s *spec) password(file string) credentials.Password {
	return credentials.Password{URL: s.url, File: file, Trimmed: s.trimmed}
}

// variable returns an environment variable that the clients of a kind read, "" if it is not set.
func (s *spec) variable(name string) string { return environ.Get(s.env, name) }

// loginLevel is the default level of kinds that log in where there is a password.
func (s *spec) loginLevel(passwordFile string) Level {
	if s.password(passwordFile).Given() {
		return LevelAuth
	}
	return LevelProto
}

// checkPort checks the ports of the URL and adds the kind's where it has none.
// Several hosts are left to the kind that has them.
func (s *spec) checkPort() error {
	several := strings.Contains(s.url.Host, ",")
	switch {
	case several && !s.kind.hosts:
		return fmt.Errorf("%s has one host: name each in a target of its own", s.kind.Name)
	case several, s.url.Host == "":
		return nil
	}
	port := s.url.Port()
	if port == "" {
		if s.kind.port == "" && !s.kind.noPort {
			return errors.New("missing port")
		}
		if port := cmp.Or(s.kind.ports[s.url.Scheme], s.kind.port); port != "" {
			s.url.Host = net.JoinHostPort(s.url.Hostname(), port)
		}
		return nil
	}
	return target.CheckPort(port)
}

// noQuery refuses or drops every key of the query, for kinds whose protocol has none.
func (s *spec) noQuery() error {
	query, err := target.Query(s.url.RawQuery)
	if err != nil {
		return err
	}
	return target.SetQuery(query, nil, s.drop)
}

// hostList returns the addresses of hosts that are separated by commas.
func hostList(list, defaultPort string) ([]string, error) {
	var addresses []string
	for host := range strings.SplitSeq(list, ",") {
		u := url.URL{Host: host}
		port := cmp.Or(u.Port(), defaultPort)
		switch {
		case u.Hostname() == "":
			return nil, errors.New("missing host")
		case port == "":
			return nil, errors.New("missing port")
		}
		if err := target.CheckPort(port); err != nil {
			return nil, err
		}
		addresses = append(addresses, net.JoinHostPort(u.Hostname(), port))
	}
	return addresses, nil
}

// askLevel sets the level that is asked: that of the fragment, else of the command,
// else state if a key asks for one, else the kind's default.
func (s *spec) askLevel(common Level, given []target.Key) error {
	stateKey := slices.IndexFunc(given, func(k target.Key) bool { return k.State })
	s.level = cmp.Or(s.level, common)
	if s.level == 0 && stateKey >= 0 {
		s.level = LevelState
	}
	if s.level == 0 {
		s.level = s.options.level(s)
	}
	switch {
	case !slices.Contains(s.kind.Levels, s.level):
		return fmt.Errorf("%s has no level %s, only %s", s.kind.Name, s.level, joinLevels(s.kind.Levels))
	case stateKey >= 0 && s.level < LevelState:
		return fmt.Errorf("%s asks for level state, not %s", given[stateKey].Name, s.level)
	case s.settle >= 0 && s.level != LevelTCP:
		return fmt.Errorf("settle belongs to level tcp, not %s", s.level)
	}
	return nil
}

func joinLevels(levels []Level) string {
	var names []string
	for _, l := range levels {
		names = append(names, l.String())
	}
	return strings.Join(names, ", ")
}

// dropper returns what to do with a query key that the protocol does not know.
func dropper(u *url.URL, o Options) func(string) error {
	return func(key string) error {
		if o.DropUnknown {
			o.dropped("query key", key, u)
			return target.CheckDropped(key)
		}
		return fmt.Errorf("unknown query key%s: the query belongs to the protocol, the fragment (#) to inith", redact.Quoted(key))
	}
}
