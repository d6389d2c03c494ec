// Command mysqlserver is a server made of Vitess's protocol of MySQL, whose user app logs in by caching_sha2_password, as in
// MySQL 8 and later, which Debian does not have. It answers every query with 1.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/replication"
	"vitess.io/vitess/go/mysql/sqlerror"
	"vitess.io/vitess/go/sqltypes"
	querypb "vitess.io/vitess/go/vt/proto/query"
	"vitess.io/vitess/go/vt/vtenv"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves until the process ends.
func serve() error {
	address := flag.String("address", "", "to listen on")
	password := flag.String("password", "", "of the user app")
	cached := flag.Bool("cached", false, "the server knows the hash of the password, as after a first login")
	cert := flag.String("cert", "", "certificate")
	key := flag.String("key", "", "its key")
	flag.Parse()
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	l, err := mysql.NewListener("tcp", *address, &users{*password, *cached}, &answers{env: vtenv.NewTestEnv()}, 0, 0, false, false, 0, 0, false)
	if err != nil {
		return err
	}
	l.TLSConfig.Store(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	l.Accept()
	return nil
}

// users has the user app.
type users struct {
	password string
	cached   bool
}

func (u *users) AuthMethods() []mysql.AuthMethod {
	return []mysql.AuthMethod{mysql.NewSha2CachingAuthMethod(u, u, u)}
}

func (*users) DefaultAuthMethodDescription() mysql.AuthMethodDescription {
	return mysql.CachingSha2Password
}

func (*users) HandleUser(string) bool { return true }

// UserEntryWithCacheHash implements [mysql.CachingStorage].
func (u *users) UserEntryWithCacheHash(_ *mysql.Conn, salt []byte, user string, response []byte, _ net.Addr) (mysql.Getter, mysql.CacheState, error) {
	switch {
	case !u.cached:
		return nil, mysql.AuthNeedMoreData, nil
	case user == "app" && string(response) == string(mysql.ScrambleCachingSha2Password(salt, []byte(u.password))):
		return &mysql.StaticUserData{}, mysql.AuthAccepted, nil
	default:
		return nil, mysql.AuthRejected, nil
	}
}

// UserEntryWithPassword implements [mysql.PlainTextStorage].
func (u *users) UserEntryWithPassword(_ *mysql.Conn, user, password string, _ net.Addr) (mysql.Getter, error) {
	if user != "app" || password != u.password {
		return nil, sqlerror.NewSQLErrorf(sqlerror.ERAccessDeniedError, sqlerror.SSAccessDeniedError, "Access denied for user '%v'", user)
	}
	return &mysql.StaticUserData{}, nil
}

// answers has one for every query.
type answers struct {
	mysql.UnimplementedHandler

	env *vtenv.Environment
}

func (*answers) ComQuery(_ *mysql.Conn, _ string, callback func(*sqltypes.Result) error) error {
	return callback(sqltypes.MakeTestResult(sqltypes.MakeTestFields("1", "int64"), "1"))
}

func (*answers) ComQueryMulti(*mysql.Conn, string, func(sqltypes.QueryResponse, bool, bool) error) error {
	return nil
}

func (*answers) ComPrepare(*mysql.Conn, string) ([]*querypb.Field, uint16, error) {
	return nil, 0, nil
}

func (*answers) ComStmtExecute(*mysql.Conn, *mysql.PrepareData, func(*sqltypes.Result) error) error {
	return nil
}

func (*answers) ComRegisterReplica(*mysql.Conn, string, uint16, string, string) error { return nil }

func (*answers) ComBinlogDump(*mysql.Conn, string, uint32) error { return nil }

func (*answers) ComBinlogDumpGTID(*mysql.Conn, string, uint64, replication.GTIDSet, uint16) error {
	return nil
}

func (*answers) WarningCount(*mysql.Conn) uint16 { return 0 }

func (h *answers) Env() *vtenv.Environment { return h.env }
