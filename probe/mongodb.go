package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

const mongoPort = "27017"

// mongoOptions are those of mongodb and mongodb+srv.
type mongoOptions struct {
	passwordFile string
	role         string
}

func (o *mongoOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{
			Name: "role", State: true, Set: target.OneOf(&o.role, "primary", "secondary", "mongos"),
			Usage: roleUsage,
		},
	}
}

func (o *mongoOptions) level(s *spec) Level { return s.loginLevel(o.passwordFile) }

func (o *mongoOptions) open(s *spec) (Prober, error) {
	p := &mongoDB{mongoOptions: *o, spec: s, password: s.password(o.passwordFile)}
	if err := p.readURL(); err != nil {
		return nil, err
	}
	switch {
	case s.level == LevelState && o.role == "":
		return nil, errors.New("level state needs role= in the fragment")
	case s.level == LevelAuth && s.url.User.Username() == "":
		return nil, errors.New("a login needs a user, as in mongodb://user@host/db")
	case p.logsIn() && p.mechanism != "" && scramHash(p.mechanism) == nil:
		return nil, errors.New("authMechanism is neither SCRAM-SHA-256 nor SCRAM-SHA-1: use #level=proto, which does not log in")
	}
	return p, nil
}

// mongoDB asks the hosts of a URL, of which one has to be ready.
// https://www.mongodb.com/docs/manual/reference/connection-string/
type mongoDB struct {
	mongoOptions
	mongoURL

	spec     *spec
	password credentials.Password
}

// logsIn reports whether an attempt logs in: a role can be asked for without.
func (p *mongoDB) logsIn() bool {
	return p.spec.level == LevelAuth || p.spec.level == LevelState && p.password.Given()
}

func (p *mongoDB) Probe(ctx context.Context) error {
	at, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	return anyOf(ctx, at.hosts, func(ctx context.Context, host string) error { return p.ask(ctx, at, host) })
}

// ask makes the attempt at one host.
func (p *mongoDB) ask(ctx context.Context, at mongoURL, address string) error {
	if p.spec.level == LevelTCP {
		return newTCP(p.spec, at.network, address).Probe(ctx)
	}
	raw, err := p.spec.dialer.dialTLS(ctx, at.network, address, at.config)
	if err != nil {
		return err
	}
	c := &mongoConn{raw}
	defer func() { _ = c.Close() }()
	hello, err := p.hello(c, at)
	if err != nil {
		return err
	}
	if err := mongoState(hello, at.replicaSet); err != nil {
		return err
	}
	if p.logsIn() {
		if err := p.login(c, at, hello); err != nil {
			return err
		}
	}
	return p.checkRole(hello)
}

// hello asks the server what it is, by the older name of the command where it does not know the newer.
func (p *mongoDB) hello(c *mongoConn, at mongoURL) (bsonDocument, error) {
	var answer bsonDocument
	for _, name := range []string{"hello", "isMaster"} {
		command := []bsonElement{{name, int32(1)}}
		if p.logsIn() {
			command = append(command, bsonElement{"saslSupportedMechs", at.source + "." + p.spec.url.User.Username()})
		}
		var err error
		if answer, err = c.run("admin", command...); err != nil {
			return nil, err
		}
		if answer.number("code") != mongoNoSuchCommand {
			break
		}
	}
	return answer, mongoRefusal(answer)
}

// mongoState says why a member of a replica set is not ready.
func mongoState(hello bsonDocument, replicaSet string) error {
	set, _ := hello["setName"].(string)
	switch {
	case hello.isTrue("isreplicaset"):
		return &usererr.Error{
			Text: "the replica set is not initiated (yet)",
			Hint: "check whether the job that runs rs.initiate() has run; that job itself waits with #level=tcp",
		}
	case set != "" && !isMongoPrimary(hello) && !hello.isTrue("secondary") && !hello.isTrue("arbiterOnly"):
		return &usererr.Error{Text: "neither primary nor secondary: the member is starting, recovering, or waits for an election"}
	case replicaSet != "" && set != replicaSet:
		return &usererr.Error{
			Text: "the server is not in the replica set of the URL",
			Hint: "compare replicaSet= in the URL with rs.conf()._id in the server",
		}
	}
	return nil
}

func isMongoPrimary(hello bsonDocument) bool {
	return hello.isTrue("isWritablePrimary") || hello.isTrue("ismaster")
}

// checkRole compares what the server says of itself: what the others say of it may be out of date.
func (p *mongoDB) checkRole(hello bsonDocument) error {
	ok := true
	switch p.role {
	case "primary":
		ok = isMongoPrimary(hello)
	case "secondary":
		ok = hello.isTrue("secondary")
	case "mongos":
		ok = hello["msg"] == "isdbgrid"
	}
	if !ok {
		return &usererr.Error{Text: fmt.Sprintf("the server is not a %s", p.role)}
	}
	return nil
}
