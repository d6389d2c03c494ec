package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/tlsconfig"
)

// A Target is a dependency and what is asked of it.
type Target struct {
	Name    string        // what may be shown of the URL
	Kind    string        // the name of its [Kind]
	Level   Level         // what is asked, never zero
	Timeout time.Duration // of one attempt; zero leaves it to the caller

	prober Prober
	dialer *Dialer
}

// Options hold for all targets of a command. The zero value is usable.
type Options struct {
	Level  Level         // asked of every target; zero: each kind's own default
	TLS    tlsconfig.TLS // for the kinds that speak it; a target's own fragment keys win
	Proxy  *url.URL      // for http and https; nil is none: the environment's is never used
	Logger *slog.Logger

	// DropUnknown drops query keys that the protocol does not know, as
	// frameworks add to their URLs, with a debug line each. By default they
	// are errors.
	DropUnknown bool
}

// dropped logs what is left out of a URL of a framework.
func (o Options) dropped(what, word string, u *url.URL) {
	if o.Logger != nil {
		o.Logger.Debug("dropped", "what", what, "key", redact.Word(word), "target", redact.URL(u))
	}
}

// NewTarget returns a target for a prober of the caller's, which opens its
// connections through dialer.
func NewTarget(name string, level Level, p Prober, dialer *Dialer) *Target {
	return &Target{Name: name, Kind: name, Level: level, prober: p, dialer: dialer}
}

// Open returns the target that raw names: host:port, or a URL whose query
// belongs to the protocol and whose fragment belongs to inith. It does not touch
// the network. Its error quotes nothing that may be secret.
func Open(raw string, o Options) (*Target, error) {
	u, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if base, driver, found := strings.Cut(u.Scheme, "+"); found && o.DropUnknown {
		u.Scheme = base // as SQLAlchemy writes it
		o.dropped("driver of the scheme", driver, u)
	}
	kind, ok := kindOf(u.Scheme)
	if !ok {
		return nil, unknownScheme(u)
	}
	t, err := kind.target(u, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redact.URL(u), err)
	}
	return t, nil
}

// parse reads a target. Without "://" it is host:port, whose kind is that of the
// port.
func parse(raw string) (*url.URL, error) {
	if strings.HasPrefix(raw, "jdbc:") {
		return nil, errors.New("a jdbc: URL is not a target: drop the prefix, and write its user and password options as jdbc's user:password@host")
	}
	if strings.Contains(raw, "://") {
		return redact.ParseURL(raw)
	}
	address, _, _ := strings.Cut(raw, "#")
	_, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(address, "/?@") {
		return nil, errors.New("not host:port, such as db:5432 or [::1]:80, and not a URL, such as http://api/health")
	}
	return redact.ParseURL(schemeOfPort(port) + "://" + raw)
}

func unknownScheme(u *url.URL) error {
	known := schemes()
	return fmt.Errorf("unknown scheme%s%s, have %s", redact.Quoted(u.Scheme), suggest.DidYouMean(u.Scheme, known), strings.Join(known, ", "))
}

// A spec is what one target asks for, as its kind reads it.
type spec struct {
	kind   Kind
	url    *url.URL // with a port, where the kind has one
	level  Level
	keys   map[string]string // of the fragment, known to the kind
	tls    tlsconfig.TLS
	proxy  *url.URL
	dialer *Dialer
	drop   func(queryKey string) error // nil if an unknown query key was dropped
}

func (k Kind) target(u *url.URL, o Options) (*Target, error) {
	keys, err := parseFragment(u.EscapedFragment(), k)
	if err != nil {
		return nil, err
	}
	s := &spec{kind: k, url: u, keys: keys, proxy: o.Proxy, dialer: &Dialer{}, drop: dropper(u, o)}
	if s.tls, err = overrideTLS(o.TLS, keys); err != nil {
		return nil, err
	}
	if err := s.checkPort(); err != nil {
		return nil, err
	}
	timeout, err := s.duration("timeout", time.Millisecond, 0)
	if err != nil {
		return nil, err
	}
	if s.level, err = s.askedLevel(o.Level); err != nil {
		return nil, err
	}
	p, err := k.open(s)
	if err != nil {
		return nil, err
	}
	return &Target{Name: redact.URL(u), Kind: k.Name, Level: s.level, Timeout: timeout, prober: p, dialer: s.dialer}, nil
}

// checkPort checks the ports of the URL and adds the kind's where it has none.
// Several hosts (libpq) are left to their kind.
func (s *spec) checkPort() error {
	if s.url.Host == "" || strings.Contains(s.url.Host, ",") {
		return nil
	}
	port := s.url.Port()
	if port == "" {
		if s.kind.port == "" && s.kind.Name != "unix" {
			return errors.New("missing port")
		}
		s.url.Host = net.JoinHostPort(s.url.Hostname(), s.kind.port)
		return nil
	}
	return libpq.CheckPort(port)
}

// askedLevel returns the level of the fragment, else of the command, else the
// kind's default.
func (s *spec) askedLevel(common Level) (Level, error) {
	level := common
	if name, ok := s.keys["level"]; ok {
		var err error
		if level, err = ParseLevel(name); err != nil {
			return 0, err
		}
	}
	level = cmp.Or(level, s.kind.defaultLevel(s))
	if !slices.Contains(s.kind.Levels, level) {
		return 0, fmt.Errorf("%s has no level %s, only %s", s.kind.Name, level, joinLevels(s.kind.Levels))
	}
	for _, key := range s.kind.stateKeys {
		if _, ok := s.keys[key]; ok && level < LevelState {
			return 0, fmt.Errorf("%s asks for level state, not %s", key, level)
		}
	}
	if _, ok := s.keys["settle"]; ok && level != LevelTCP {
		return 0, fmt.Errorf("settle belongs to level tcp, not %s", level)
	}
	return level, nil
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
			return nil
		}
		return fmt.Errorf("unknown query key%s: the query belongs to the protocol, the fragment (#) to inith", redact.Quoted(key))
	}
}

// Probe makes one attempt. It returns nil if the target is ready. When ctx is
// done, or the attempt's own timeout has passed, every connection it opened is
// closed, so that even a driver that ignores ctx returns.
func (t *Target) Probe(ctx context.Context) (err error) {
	if t.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = withLimit(ctx, t.Timeout)
		defer cancel()
	}
	start := time.Now()
	limit, limited := ctx.Deadline()
	end := t.dialer.begin(ctx)
	defer end()
	defer crash.Recover(&err)
	if err = t.prober.Probe(ctx); err != nil {
		if !limited {
			limit = time.Now() // what ended it was no deadline
		}
		return explain(ctx, err, t.dialer.Trace(), limit.Sub(start))
	}
	return nil
}

// Trace returns how far the last attempt came.
func (t *Target) Trace() Trace { return t.dialer.Trace() }
