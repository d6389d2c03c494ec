package probe

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// startTLSScheme is ldaps at the port of ldap, which has both.
const startTLSScheme = "ldap+starttls"

// ldapOptions are those of ldap and ldaps.
type ldapOptions struct {
	passwordFile string
	base         string // "" is the DN in the path
}

func (o *ldapOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{
			Name: "base", State: true, Set: target.String(&o.base),
			Usage: "ready when the entry with this DN exists, such as `dc=example,dc=org`",
		},
	}
}

func (o *ldapOptions) level(s *spec) Level { return s.loginLevel(o.passwordFile) }

func (o *ldapOptions) open(s *spec) (Prober, error) {
	if err := checkLDAPQuery(s); err != nil {
		return nil, err
	}
	base := cmp.Or(o.base, strings.TrimPrefix(s.url.Path, "/"))
	user, given := s.url.User.Username(), s.password(o.passwordFile).Given()
	switch {
	case s.url.Hostname() == "":
		return nil, errors.New("missing host")
	case user == "" && (given || s.level == LevelAuth):
		return nil, errors.New("a login needs a user, which is a DN, as in ldap://cn=app,dc=example,dc=org@host")
	case user != "" && !given && s.level >= LevelAuth:
		return nil, errors.New("a login needs a password: write user:password@host or #password-file=")
	case s.level == LevelState && base == "":
		return nil, errors.New("level state needs base in the fragment, or a DN in the path")
	case s.level == LevelTCP:
		return openPort(s)
	}
	l := &ldap{ldapOptions: ldapOptions{passwordFile: o.passwordFile, base: base}, spec: s, user: user}
	if s.kind.tls {
		l.tls = &tlsconfig.Loader{TLS: s.tls}
	}
	return l, nil
}

// checkLDAPQuery accepts what RFC 4516 has after the DN. Attributes, scope and filter select what the searches of the
// application return, and are ignored. An extension may ask for TLS.
func checkLDAPQuery(s *spec) error {
	const extensions = 3
	parts := strings.Split(s.url.RawQuery, "?")
	switch {
	case strings.Contains(parts[0], "="):
		return s.noQuery()
	case len(parts) > extensions && parts[extensions] != "":
		return errors.New("inith knows no extension of LDAP URLs: StartTLS is " + startTLSScheme + "://host")
	}
	return nil
}

// ldap speaks LDAP version 3.
// https://www.rfc-editor.org/rfc/rfc4511
type ldap struct {
	ldapOptions

	spec *spec
	tls  *tlsconfig.Loader // nil: plain
	user string            // "": anonymous
}

func (l *ldap) Probe(ctx context.Context) error {
	user, password, err := l.credentials()
	if err != nil {
		return err
	}
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if l.spec.level == LevelProto {
		return c.greet()
	}
	if err := c.login(user, password); err != nil {
		return err
	}
	if err := l.search(c); err != nil {
		return err
	}
	return c.unbind()
}

// credentials returns what to log in with, which is nothing at proto.
func (l *ldap) credentials() (user, password string, err error) {
	if l.user == "" || l.spec.level == LevelProto {
		return "", "", nil
	}
	password, err = l.spec.password(l.passwordFile).Read()
	if err == nil && password == "" {
		// RFC 4513, 5.1.2: the server would accept that, whatever the user.
		err = &usererr.Error{Text: "the password is empty, which LDAP takes for an anonymous login", Hint: "check the file with the password"}
	}
	return l.user, password, err
}

func (l *ldap) connect(ctx context.Context) (*ldapConn, error) {
	raw, err := l.spec.dialer.DialContext(ctx, "tcp", l.spec.url.Host)
	if err != nil || l.tls == nil {
		return newLDAPConn(raw), err
	}
	if l.spec.url.Scheme == startTLSScheme {
		if err := newLDAPConn(raw).startTLS(); err != nil {
			return nil, err
		}
	}
	encrypted, err := l.encrypt(ctx, raw)
	return newLDAPConn(encrypted), err
}

func (l *ldap) encrypt(ctx context.Context, raw net.Conn) (net.Conn, error) {
	config, err := l.tls.Config(l.spec.url.Hostname())
	if err != nil {
		return nil, err
	}
	return l.spec.dialer.handshake(ctx, raw, config)
}

// search asks for the entry of level state, or for the server's own, which every server has. Whether that may be read does
// not matter then: the search has been answered.
func (l *ldap) search(c *ldapConn) error {
	if l.spec.level < LevelState {
		_, err := c.search("")
		return err
	}
	found, err := c.search(l.base)
	if err == nil && !found {
		return &usererr.Error{
			Text: "the entry does not exist (yet), or may not be read",
			Hint: "check whether the job that creates it has run, and whether this user may read it",
		}
	}
	return err
}
