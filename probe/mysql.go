package probe

import (
	"context"
	"errors"
	"net"

	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// mysqlOptions are those of mysql.
type mysqlOptions struct {
	passwordFile string
	sql          string
	access       string
}

func (o *mysqlOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		sqlKey(&o.sql),
		{
			Name: "access", State: true, Set: target.OneOf(&o.access, "read-write", "read-only"),
			Usage: "ready when the server accepts writes (read-write), or refuses them, as a replica does (read-only)",
		},
	}
}

// sqlKey is the key of a query whose answer says whether a database is ready.
func sqlKey(to *string) target.Key {
	return target.Key{
		Name: "sql", State: true, Set: target.String(to),
		Usage: "query that runs at every attempt, so it must change nothing; " +
			"ready when the first column of the first row is not false, 0 or null",
	}
}

func (o *mysqlOptions) level(s *spec) Level { return s.loginLevel(o.passwordFile) }

func (o *mysqlOptions) open(s *spec) (Prober, error) {
	client, err := mysqlclient.New(s.url, mysqlclient.Options{TLS: s.tls, PasswordFile: o.passwordFile, Trimmed: s.trimmed, Drop: s.drop})
	if err != nil {
		return nil, err
	}
	switch {
	case s.level == LevelState && o.sql == "" && o.access == "":
		return nil, errors.New("level state needs sql= or access= in the fragment")
	case s.level >= LevelAuth && client.User == "":
		return nil, errors.New("a login needs a user, as in mysql://user@host/db")
	case s.level == LevelTCP:
		return newTCP(s, client.Network, client.Address), nil
	}
	return &mySQL{mysqlOptions: *o, spec: s, client: client}, nil
}

// mySQL speaks the protocol of MySQL and MariaDB. A connection that is closed during the login counts against the host
// (max_connect_errors), so that each attempt finishes one.
type mySQL struct {
	mysqlOptions

	spec   *spec
	client *mysqlclient.Client
}

func (p *mySQL) Probe(ctx context.Context) error {
	if p.spec.level == LevelProto {
		return p.greet(ctx)
	}
	session, err := p.client.Connect(ctx, p.dial)
	if err != nil {
		return mySQLError(err)
	}
	defer session.Close()
	for _, query := range p.queries() {
		row, err := session.First(ctx, query.sql)
		switch {
		case err != nil:
			return mySQLError(err)
		case row == nil:
			return &usererr.Error{Text: "the sql query returned no row"}
		case row[0] == nil || isFalse([]byte(mysqlclient.Text(row[0]))):
			return &usererr.Error{Text: query.unready}
		}
	}
	return nil
}

// A mySQLQuery is ready when its first column is not false, 0 or null.
type mySQLQuery struct{ sql, unready string }

// queries are what one session is asked, the user's at the end: its further rows are not read, which ends the session.
func (p *mySQL) queries() []mySQLQuery {
	var all []mySQLQuery
	switch p.access {
	case "read-write":
		all = append(all, mySQLQuery{"SELECT @@read_only = 0", "the server is read-only"})
	case "read-only":
		all = append(all, mySQLQuery{"SELECT @@read_only", "the server is not read-only"})
	}
	if p.sql != "" {
		return append(all, mySQLQuery{p.sql, "the first column of the sql query is false, 0 or null"})
	}
	return append(all, mySQLQuery{"SELECT 1", "the server does not answer a query"})
}

// dial opens a connection whose server cannot send more than a probe asks for.
func (p *mySQL) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := p.spec.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &limitedConn{Conn: c, left: maxMySQLTotal}, nil
}

// maxMySQLTotal bounds what a server may make us read, in bytes.
const maxMySQLTotal = 256 << 10

var errTooLarge = errors.New("an answer larger than any that a server gives to a probe")

// A limitedConn reads no more than a number of bytes.
type limitedConn struct {
	net.Conn
	left int
}

func (c *limitedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left -= n; c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// mySQLError marks an error of the server as the wait needs it.
func mySQLError(err error) error {
	e, ok := errors.AsType[*mysqlclient.Error](err)
	if !ok {
		return err
	}
	switch e.Number {
	case 1045, 1130, 1698, 3118: // credentials, or this host
		return Rejected(e)
	case 1064, 1129: // syntax, blocked until somebody unblocks it
		return Permanent(e)
	}
	return e
}
