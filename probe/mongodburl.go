package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// A mongoURL is what a URL of MongoDB says.
type mongoURL struct {
	network    string
	hosts      []string // addresses
	srv        string   // the name whose SRV records are the hosts, "" for none
	source     string   // the database that has the user
	replicaSet string   // "" for any
	mechanism  string   // "" for what the server offers
	tls        *tlsconfig.Loader
	config     *tls.Config // that of an attempt, nil without TLS
}

// readURL reads the URL of the target.
func (p *mongoDB) readURL() error {
	query, err := target.Query(p.spec.url.RawQuery)
	if err != nil {
		return err
	}
	q := &mongoQuery{loader: tlsconfig.Loader{TLS: p.spec.tls}}
	if err := target.SetQuery(query, q.keys(), p.spec.drop); err != nil {
		return err
	}
	u := p.spec.url
	p.mongoURL = mongoURL{
		network: "tcp", source: cmp.Or(q.source, strings.TrimPrefix(u.Path, "/")), replicaSet: q.replicaSet, mechanism: q.mechanism,
	}
	srv := strings.HasSuffix(u.Scheme, "+srv")
	if q.hasTLS(srv) {
		p.tls = &q.loader
	}
	if err := q.loader.Check(); err != nil {
		return err
	}
	switch {
	case q.socket != "" && u.Host == "" && !srv:
		p.network, p.hosts = "unix", []string{q.socket}
	case srv:
		p.srv, err = mongoSRV(u, q.service)
	default:
		p.hosts, err = hostList(u.Host, mongoPort)
	}
	return err
}

// mongoSRV returns the name whose SRV records are the hosts. The port that every URL has is removed from this one.
func mongoSRV(u *url.URL, service string) (string, error) {
	if strings.Contains(u.Host, ",") || u.Hostname() == "" || u.Port() != mongoPort {
		return "", errors.New("mongodb+srv has one name and no port: the hosts and their ports are in its SRV records")
	}
	u.Host = u.Hostname()
	return "_" + cmp.Or(service, "mongodb") + "._tcp." + u.Host, nil
}

// resolve returns what the URL says, with the hosts and options that DNS has for it.
// https://github.com/mongodb/specifications/blob/master/source/initial-dns-seedlist-discovery/initial-dns-seedlist-discovery.md
func (p *mongoDB) resolve(ctx context.Context) (mongoURL, error) {
	at := p.mongoURL
	if p.tls != nil {
		var err error
		if at.config, err = p.tls.Config(""); err != nil {
			return at, err
		}
	}
	if p.srv != "" {
		resolver := cmp.Or(p.spec.dialer.resolver, net.DefaultResolver)
		var err error
		if at.hosts, err = mongoMembers(ctx, resolver, p.srv); err != nil {
			return at, err
		}
		texts, err := resolver.LookupTXT(ctx, p.spec.url.Host)
		if err != nil && !isUnknownName(err) {
			return at, err
		}
		options, _ := url.ParseQuery(strings.Join(texts, "&"))
		at.source = cmp.Or(at.source, options.Get("authSource"))
		at.replicaSet = cmp.Or(at.replicaSet, options.Get("replicaSet"))
	}
	at.source = cmp.Or(at.source, "admin")
	return at, nil
}

// mongoMembers returns the addresses in SRV records, which must be below the domain that the name is in: else who answers
// for DNS could have the password sent elsewhere.
func mongoMembers(ctx context.Context, resolver *net.Resolver, name string) ([]string, error) {
	_, records, err := resolver.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, err
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	const prefix, wholeName = 2, 5 // _mongodb._tcp; a name of fewer labels is the domain itself
	domain := labels[prefix:]
	if len(labels) >= wholeName {
		domain = labels[prefix+1:]
	}
	var hosts []string
	for _, r := range records {
		host := strings.TrimSuffix(r.Target, ".")
		if !strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(strings.Join(domain, "."))) {
			return nil, &usererr.Error{Text: "an SRV record names a host outside the domain of the URL", Hint: "drivers refuse that too: correct the records"}
		}
		hosts = append(hosts, net.JoinHostPort(host, strconv.Itoa(int(r.Port))))
	}
	if len(hosts) == 0 {
		return nil, &usererr.Error{Text: "the name has no SRV record"}
	}
	return hosts, nil
}

// A mongoQuery reads the query of a URL.
type mongoQuery struct {
	loader                  tlsconfig.Loader
	tls                     *bool // nil: not said
	socket, source, service string
	replicaSet, mechanism   string
}

// keys are those of drivers that concern an attempt, by [target.DriverKey].
func (q *mongoQuery) keys() map[string]func(value string) error {
	always := func(to *bool) func(string) error {
		return func(value string) error {
			on, err := target.Boolean(value)
			*to = *to || on
			return err
		}
	}
	keys := map[string]func(string) error{
		"host":                        target.String(&q.socket), // where target.Parse puts a percent-encoded socket
		"authsource":                  target.String(&q.source),
		"authmechanism":               target.String(&q.mechanism),
		"replicaset":                  target.String(&q.replicaSet),
		"srvservicename":              target.String(&q.service),
		"tls":                         q.setTLS,
		"ssl":                         q.setTLS,
		"tlscafile":                   target.String(&q.loader.CAFile),
		"tlscertificatekeyfile":       q.setCertificate,
		"tlsinsecure":                 always(&q.loader.SkipVerify),
		"tlsallowinvalidcertificates": always(&q.loader.SkipVerify),
		"tlsallowinvalidhostnames":    always(&q.loader.AnyName),
	}
	for _, name := range mongoIgnored() {
		keys[name] = func(string) error { return nil }
	}
	return keys
}

// mongoIgnored are the keys of drivers that do not matter to a single attempt.
func mongoIgnored() []string {
	return []string{
		"appname", "compressors", "zlibcompressionlevel", "uuidrepresentation", "directconnection", "connecttimeoutms",
		"sockettimeoutms", "serverselectiontimeoutms", "serverselectiontryonce", "timeoutms", "heartbeatfrequencyms",
		"localthresholdms", "servermonitoringmode", "maxpoolsize", "minpoolsize", "maxidletimems", "maxconnecting",
		"waitqueuetimeoutms", "waitqueuemultiple", "retrywrites", "retryreads", "readconcernlevel", "readpreference",
		"readpreferencetags", "maxstalenessseconds", "w", "wtimeoutms", "journal", "srvmaxhosts",
	}
}

func (q *mongoQuery) setTLS(value string) error {
	on, err := target.Boolean(value)
	if q.tls != nil && *q.tls != on {
		return errors.New("tls= and ssl= contradict each other")
	}
	q.tls = &on
	return err
}

// setCertificate reads the name of a file with a certificate and its key.
func (q *mongoQuery) setCertificate(value string) error {
	q.loader.CertFile, q.loader.KeyFile = value, value
	return nil
}

// hasTLS reports whether the URL asks for TLS: mongodb+srv does, and so does a file or a name for TLS.
func (q *mongoQuery) hasTLS(srv bool) bool {
	if q.tls != nil {
		return *q.tls
	}
	return srv || q.loader.TLS != tlsconfig.TLS{} || q.loader.AnyName
}
