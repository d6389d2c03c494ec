package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// dnsOptions are those of dns://name and dns://server/name.
type dnsOptions struct{ min int }

func (o *dnsOptions) keys() []target.Key {
	return []target.Key{{
		Name: "min", State: true, Usage: "ready when the name has at least this many records (default 1)",
		Set: target.Count(&o.min),
	}}
}

func (*dnsOptions) level(*spec) Level { return LevelState }

func (o *dnsOptions) open(s *spec) (Prober, error) {
	p := &dns{min: max(1, o.min), spec: s, name: s.url.Hostname()}
	query, err := target.Query(s.url.RawQuery)
	if err != nil {
		return nil, err
	}
	kind := strings.ToUpper(query["type"])
	if p.lookup = dnsLookups()[kind]; p.lookup == nil {
		return nil, errors.New("the type is none of A, AAAA, MX, NS, SRV, TXT")
	}
	p.what = cmp.Or(kind, "A or AAAA")
	for key := range query {
		if key != "type" {
			if err := s.drop(key); err != nil {
				return nil, err
			}
		}
	}
	switch name := strings.Trim(s.url.Path, "/"); {
	case p.name == "" || strings.Contains(name, "/"):
		return nil, errors.New("want dns://name?type=A, or dns://server:53/name?type=A")
	case name != "": // absolute: the search domains are those of this host's name servers
		p.server, p.name = s.url.Host, strings.TrimSuffix(name, ".")+"."
	case s.url.Port() != s.kind.port:
		return nil, errors.New("a port belongs to a name server, as in dns://server:53/name")
	default:
		s.url.Host = p.name
	}
	return p, nil
}

// dns is ready when a name has records: those of a headless Service are its ready Pods.
type dns struct {
	min    int
	name   string
	what   string // the type of the records
	lookup func(ctx context.Context, r *net.Resolver, name string) ([]string, error)
	server string // "" for those of this host
	spec   *spec
}

func (p *dns) Probe(ctx context.Context) error {
	records, err := p.lookup(ctx, p.resolver(), p.name)
	if isUnknownName(err) {
		if p.spec.level < LevelState {
			return nil
		}
		return &usererr.Error{
			Text: fmt.Sprintf("the name does not exist, or has no record (%s)", p.what), Err: err,
			Hint: "check that the Service exists in this namespace, and has ready Pods if it is headless; in another one its name is name.namespace",
		}
	}
	if err != nil {
		return err
	}
	slices.Sort(records)
	if n := len(slices.Compact(records)); n < p.min && p.spec.level == LevelState {
		return &usererr.Error{Text: fmt.Sprintf("the name has %d of at least %d records (%s)", n, p.min, p.what)}
	}
	return nil
}

// resolver returns what asks the name server. It is not given connections of the dialer: the way in which it speaks
// depends on the type of the connection.
func (p *dns) resolver() *net.Resolver {
	if p.server == "" {
		return cmp.Or(p.spec.dialer.resolver, net.DefaultResolver)
	}
	var d net.Dialer // it notes no address: that of a name server is not one of the target
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, p.server)
	}}
}

// dnsLookups look up the records of a type.
func dnsLookups() map[string]func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
	type lookup = func(ctx context.Context, r *net.Resolver, name string) ([]string, error)
	addresses := func(network string) lookup {
		return func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
			return texts(r.LookupNetIP(ctx, network, name))
		}
	}
	return map[string]lookup{
		"": addresses("ip"), "A": addresses("ip4"), "AAAA": addresses("ip6"),
		"MX": func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
			return texts(r.LookupMX(ctx, name))
		},
		"NS": func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
			return texts(r.LookupNS(ctx, name))
		},
		"SRV": func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
			_, records, err := r.LookupSRV(ctx, "", "", name)
			return texts(records, err)
		},
		"TXT": func(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
			return r.LookupTXT(ctx, name)
		},
	}
}

// texts returns records as strings that are equal if they are.
func texts[T any](records []T, err error) ([]string, error) {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = fmt.Sprintf("%+v", any(r))
	}
	return all, err
}
