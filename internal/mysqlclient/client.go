// Package mysqlclient connects to MySQL and MariaDB by a URL alone: nothing comes from the environment or a home
// directory, and no error quotes the URL or what the server says.
package mysqlclient

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// Port is where a server listens if its URL has no port.
const Port = "3306"

// A Client opens sessions at one server. Its files are read at each attempt.
type Client struct {
	Network, Address string            // as in [net.Dial]
	TLS              *tlsconfig.Loader // nil: no TLS
	Optional         bool              // TLS only if the server offers it, without verification
	User, Database   string            // "" for none

	password credentials.Password
}

// Options are what a URL's fragment says.
type Options struct {
	TLS          tlsconfig.TLS
	PasswordFile string
	Trimmed      func(file string) // as in [credentials.Password]
	// Drop takes a query key that is not known, and may refuse it.
	Drop func(key string) error
}

// New returns a client for the server of a URL. It does not touch the network.
func New(u *url.URL, o Options) (*Client, error) {
	c := &Client{
		Network: "tcp", Address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), Port)),
		User: u.User.Username(), Database: strings.TrimPrefix(u.Path, "/"),
		password: credentials.Password{URL: u, File: o.PasswordFile, Trimmed: o.Trimmed},
	}
	query, err := target.Query(u.RawQuery)
	if err != nil {
		return nil, err
	}
	read := &settings{tls: o.TLS}
	if err := read.query(query, o.Drop); err != nil {
		return nil, err
	}
	if read.socket != "" {
		c.Network, c.Address = "unix", read.socket
	}
	switch {
	case strings.Contains(u.Host, ","):
		return nil, errors.New("name one host: each of several servers has databases and locks of its own")
	case c.Network == "tcp" && u.Hostname() == "":
		return nil, errors.New("missing host")
	}
	c.TLS, c.Optional, err = read.loader()
	return c, err
}

// HasPassword reports whether there is a password, whatever it is.
func (c *Client) HasPassword() bool { return c.password.Given() }

// Host returns the name to expect in the server's certificate.
func (c *Client) Host() string {
	if c.Network == "unix" {
		return "localhost"
	}
	host, _, _ := net.SplitHostPort(c.Address)
	return host
}

// Connect opens a session, through dial, as in [net.Dialer.DialContext].
func (c *Client) Connect(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Session, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.DBName = c.Network, c.Address, c.User, c.Database
	config.Logger = &mysql.NopLogger{} // it would quote the server
	config.DialFunc = dial
	var err error
	if config.Passwd, err = c.password.Read(); err != nil {
		return nil, err
	}
	if c.TLS != nil {
		if config.TLS, err = c.TLS.Config(c.Host()); err != nil {
			return nil, err
		}
		config.AllowFallbackToPlaintext = c.Optional
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, ErrURL
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return &Session{conn}, nil
}

// ErrURL means that the driver does not accept the settings of a URL.
var ErrURL = errors.New("the driver does not accept this URL")
