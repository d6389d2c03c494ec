package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

// A Target is a dependency and what is asked of it.
type Target struct {
	Name    string        // what may be shown of the URL
	Kind    string        // the name of its [Kind]
	Level   Level         // what is asked, never zero
	Timeout time.Duration // of one attempt; zero leaves it to the caller
	Down    bool          // ready when nothing answers any more

	prober Prober
	dialer *Dialer
}

// Options hold for all targets of a command. The zero value is usable.
type Options struct {
	Level  Level    // asked of every target; zero: each kind's own default
	TLS    TLS      // for the kinds that speak it; the fragment keys of a target override it
	Proxy  *url.URL // for http and https; nil is none: the environment's is never used
	Logger *slog.Logger
	Down   bool // wait until nothing answers any more

	// Env is the environment, for kinds whose clients read it: KUBERNETES_SERVICE_HOST and KUBECONFIG for k8s,
	// AWS_ACCESS_KEY_ID and others for s3. This package reads none by itself.
	Env []string

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
	if base, driver := target.CutDriver(u.Scheme); driver != "" && o.DropUnknown {
		u.Scheme = base
		o.dropped("driver of the scheme", driver, u)
	}
	kind, ok := kindOf(u.Scheme)
	if !ok {
		return nil, target.UnknownScheme(u.Scheme, schemes())
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
		return nil, errors.New("a jdbc: URL is not a target: remove the prefix, and write user and password as user:password@host")
	}
	if object, ok := shortKube(raw); ok {
		raw = object
	}
	if strings.Contains(raw, "://") {
		return target.Parse(raw)
	}
	if err := target.CheckText(raw); err != nil {
		return nil, err
	}
	address, _, _ := strings.Cut(raw, "#")
	_, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(address, "/?@") {
		return nil, errors.New("not host:port, such as db:5432 or [::1]:80, and not a URL, such as http://api/health" + nearlyKube(address))
	}
	return target.Parse(schemeOfPort(port) + "://" + raw)
}

// target opens the target that a URL of the kind names.
func (k Kind) target(u *url.URL, o Options) (*Target, error) {
	s, err := newSpec(k, u, o)
	if err != nil {
		return nil, err
	}
	p, err := s.options.open(s)
	if err != nil {
		return nil, err
	}
	return &Target{Name: s.name(), Kind: k.Name, Level: s.level, Timeout: s.timeout, Down: o.Down, prober: p, dialer: s.dialer}, nil
}

// Probe makes one attempt. It returns nil if the target is ready, or down if that is asked. When ctx is done, or the
// attempt's own timeout has passed, every connection it opened is closed, so that even a driver that ignores ctx returns.
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
	err = t.prober.Probe(ctx)
	if err != nil {
		if !limited {
			limit = time.Now() // what ended it was no deadline
		}
		err = explain(ctx, err, t.dialer.Trace(), limit.Sub(start))
	}
	if t.Down {
		return down(ctx, err, t.dialer.Trace())
	}
	return err
}

// Goal returns what is waited for: "ready" or "down".
func (t *Target) Goal() string {
	if t.Down {
		return "down"
	}
	return "ready"
}

// Trace returns how far the last attempt came.
func (t *Target) Trace() Trace { return t.dialer.Trace() }
