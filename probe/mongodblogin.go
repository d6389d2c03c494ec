package probe

import (
	"cmp"
	"crypto/md5"  //nolint:gosec // what SCRAM-SHA-1 is defined with
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/inith/inith/internal/scram"
	"github.com/inith/inith/internal/usererr"
)

const (
	mongoSCRAM1   = "SCRAM-SHA-1"
	mongoSCRAM256 = "SCRAM-SHA-256"
)

// Codes of errors.
// https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
const (
	mongoUserNotFound         = 11
	mongoAuthenticationFailed = 18
	mongoNoSuchCommand        = 59
	mongoShutdown             = 91
	mongoNotYetInitialized    = 94
	mongoMechanismUnavailable = 334
	mongoAtlas                = 8000 // of Atlas' proxies, for a login that is refused
	mongoAtShutdown           = 11600
	mongoReplicaState         = 11602 // interrupted by a change of it
)

// mongoRefusal returns what an answer that is an error means, nil for one that is none.
func mongoRefusal(answer bsonDocument) error {
	if answer.number("ok") == 1 {
		return nil
	}
	code := answer.number("code")
	e := &usererr.Error{Text: fmt.Sprintf("answered with an error (code %d)", code)}
	switch code {
	case 0:
		e.Text = "answered with an error"
	case mongoAuthenticationFailed, mongoUserNotFound, mongoAtlas:
		e.Text = fmt.Sprintf("user or password refused (code %d)", code)
		e.Hint = "check the user, the password, and the database that has the user: authSource= in the URL, by default the URL's, else admin"
		return Rejected(e)
	case mongoMechanismUnavailable:
		e.Text = fmt.Sprintf("the server does not log in this user by SCRAM-SHA-1 or SCRAM-SHA-256 (code %d)", code)
		e.Hint = "check that the user exists, or set authMechanism= in the URL"
		return Rejected(e)
	case mongoShutdown, mongoAtShutdown, mongoReplicaState:
		e.Text = fmt.Sprintf("the server is shutting down or changes its role (code %d)", code)
	case mongoNotYetInitialized:
		e.Text = fmt.Sprintf("the replica set is not initiated (yet) (code %d)", code)
	}
	return e
}

// scramHash returns the hash of a mechanism, nil if it is not known.
func scramHash(mechanism string) func() hash.Hash {
	switch mechanism {
	case mongoSCRAM1:
		return sha1.New
	case mongoSCRAM256:
		return sha256.New
	}
	return nil
}

// login logs in, and asks for an empty round trip.
// https://github.com/mongodb/specifications/blob/master/source/auth/auth.md
func (p *mongoDB) login(c *mongoConn, at mongoURL, hello bsonDocument) error {
	user := p.spec.url.User.Username()
	password, err := p.password.Read()
	if err != nil {
		return err
	}
	mechanism := cmp.Or(p.mechanism, offeredMechanism(hello))
	if mechanism == mongoSCRAM1 {
		digest := md5.Sum([]byte(user + ":mongo:" + password)) //nolint:gosec // so it is defined
		password = hex.EncodeToString(digest[:])
	}
	login := scram.NewClient(scramHash(mechanism), user, password)
	first, err := c.succeed(at.source, bsonElement{"saslStart", int32(1)}, bsonElement{"mechanism", mechanism},
		bsonElement{"payload", []byte(login.First())}, bsonElement{"options", []bsonElement{{"skipEmptyExchange", true}}})
	if err != nil {
		return err
	}
	final, err := login.Final(first.text("payload"))
	if err != nil {
		return err
	}
	proceed := func(payload string) (bsonDocument, error) {
		return c.succeed(at.source, bsonElement{"saslContinue", int32(1)},
			bsonElement{"conversationId", int32(first.number("conversationId"))}, bsonElement{"payload", []byte(payload)}) //nolint:gosec // as the server sent it
	}
	last, err := proceed(final)
	if err != nil {
		return err
	}
	if err := login.Verify(last.text("payload")); err != nil {
		return err
	}
	if !last.isTrue("done") { // a server that does not know skipEmptyExchange
		if _, err := proceed(""); err != nil {
			return err
		}
	}
	_, err = c.succeed("admin", bsonElement{"ping", int32(1)})
	return err
}

// offeredMechanism returns the stronger of those that the server offers this user.
func offeredMechanism(hello bsonDocument) string {
	if offered, ok := hello["saslSupportedMechs"].(bsonRaw); ok && strings.Contains(string(offered), mongoSCRAM256+"\x00") {
		return mongoSCRAM256
	}
	return mongoSCRAM1
}

// succeed runs a command whose answer must be no error.
func (c *mongoConn) succeed(database string, command ...bsonElement) (bsonDocument, error) {
	answer, err := c.run(database, command...)
	if err != nil {
		return nil, err
	}
	return answer, mongoRefusal(answer)
}
