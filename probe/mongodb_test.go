package probe_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// mongoSays answers every command with one message.
func mongoSays(elements ...string) simserver.Handler {
	return simserver.MongoDB(func(string) string { return simserver.MongoMessage(append(elements, simserver.MongoOK)...) })
}

func TestMongoDB(t *testing.T) {
	t.Parallel()
	standalone := mongoSays(simserver.MongoTrue("isWritablePrimary"), "\x03topologyVersion\x00"+simserver.MongoDocument(simserver.MongoInt("counter", 1)))
	primary := mongoSays(simserver.MongoText("setName", "rs0"), simserver.MongoTrue("isWritablePrimary"))
	secondary := mongoSays(simserver.MongoText("setName", "rs0"), simserver.MongoTrue("secondary"))
	mongos := mongoSays(simserver.MongoText("msg", "isdbgrid"), simserver.MongoTrue("isWritablePrimary"))
	for name, tt := range map[string]struct {
		server simserver.Handler
		tail   string
		want   verdict
		text   string
	}{
		"a server":                  {standalone, "", ready, ""},
		"by the older name":         {mongoSays(simserver.MongoTrue("ismaster")), "#role=primary", ready, ""},
		"a primary":                 {primary, "/?replicaSet=rs0#role=primary", ready, ""},
		"a secondary":               {secondary, "/?replicaSet=rs0", ready, ""},
		"no primary":                {secondary, "/?replicaSet=rs0#role=primary", notYet, "is not a primary"},
		"wants a secondary":         {secondary, "#role=secondary", ready, ""},
		"wants a mongos":            {mongos, "#role=mongos", ready, ""},
		"no mongos":                 {primary, "#role=mongos", notYet, "is not a mongos"},
		"another replica set":       {primary, "/?replicaSet=rs1", notYet, "not in the replica set of the URL"},
		"no replica set":            {standalone, "/?replicaSet=rs1", notYet, "not in the replica set of the URL"},
		"not initiated":             {mongoSays(simserver.MongoTrue("isreplicaset")), "", notYet, "is not initiated"},
		"starting":                  {mongoSays(simserver.MongoText("setName", "rs0")), "", notYet, "neither primary nor secondary"},
		"an arbiter":                {mongoSays(simserver.MongoText("setName", "rs0"), simserver.MongoTrue("arbiterOnly")), "", ready, ""},
		"shutting down":             {simserver.MongoDB(func(string) string { return simserver.MongoFailure(91, secret) }), "", notYet, "shutting down or changes its role (code 91)"},
		"an unknown error":          {simserver.MongoDB(func(string) string { return simserver.MongoFailure(9999, secret) }), "", notYet, "answered with an error (code 9999)"},
		"another protocol":          {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\nmore than sixteen bytes"), "", notYet, "not understood"},
		"a message of an old kind":  {simserver.Say("\x24\x00\x00\x00" + strings.Repeat("\x01\x00\x00\x00", 3) + strings.Repeat("\x00", 20)), "", notYet, "not understood"},
		"a huge message":            {simserver.Say("\x00\x00\x00\x40" + strings.Repeat("\x01\x00\x00\x00", 2) + "\xdd\x07\x00\x00"), "", notYet, "not understood"},
		"a document that lies":      {mongoSays("\x02x\x00\xff\xff\x00\x00"), "", notYet, "not understood"},
		"half a message":            {simserver.Say(simserver.MongoMessage(simserver.MongoOK)[:20]), "", notYet, "did not finish"},
		"hangs up":                  {simserver.HangUp, "", notYet, "without an answer"},
		"silent":                    {simserver.Silent, "", notYet, "sent nothing"},
		"repeats the request":       {simserver.Echo(""), "", notYet, "answered with an error"},
		"any server at level tcp":   {simserver.Silent, "#level=tcp", ready, ""},
		"no TLS":                    {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "/?tls=true", notYet, "does not speak TLS"},
		"a file of TLS implies TLS": {standalone, "#ca-file=/missing", notYet, "does not exist yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "mongodb://"+serve(t, tt.server)+tt.tail, tt.want, tt.text)
		})
	}
}

// TestMongoDBOldServer has one that does not know hello.
func TestMongoDBOldServer(t *testing.T) {
	t.Parallel()
	address := serve(t, simserver.MongoDB(func(request string) string {
		if strings.Contains(request, "hello") {
			return simserver.MongoFailure(59, secret)
		}
		return simserver.MongoMessage(simserver.MongoTrue("ismaster"), simserver.MongoOK)
	}))
	check(t, "mongodb://"+address+"#role=primary", ready, "")
}

// TestMongoDBHosts has several hosts, of which one is ready: the others refuse, are silent, or have another role.
func TestMongoDBHosts(t *testing.T) {
	t.Parallel()
	primary := serve(t, mongoSays(simserver.MongoTrue("isWritablePrimary")))
	secondary := serve(t, mongoSays(simserver.MongoText("setName", "rs0"), simserver.MongoTrue("secondary")))
	refused := listen(t, simserver.Silent)
	refused.Close()
	silent := serve(t, simserver.Silent)
	hosts := strings.Join([]string{refused.Addr(), silent, secondary, primary}, ",")
	check(t, "mongodb://"+hosts+"/app?replicaSet=rs0", ready, "")
	check(t, "mongodb://"+hosts+"/app#role=primary", ready, "")
	check(t, "mongodb://"+refused.Addr()+","+secondary+"#role=primary", notYet, "is not a primary")
}

func TestMongoDBLogin(t *testing.T) {
	t.Parallel()
	hello := simserver.MongoMessage(simserver.MongoTrue("isWritablePrimary"), simserver.MongoOK)
	after := func(failure string) simserver.Handler {
		return simserver.MongoDB(func(request string) string {
			if strings.Contains(request, "hello") {
				return hello
			}
			return failure
		})
	}
	for name, tt := range map[string]struct {
		server simserver.Handler
		tail   string
		want   verdict
		text   string
	}{
		"right":                 {simserver.MongoLogin(secret, false), "", ready, ""},
		"right, a longer one":   {simserver.MongoLogin(secret, true), "", ready, ""},
		"right, and a role":     {simserver.MongoLogin(secret, false), "#role=primary", ready, ""},
		"right, another role":   {simserver.MongoLogin(secret, false), "#role=secondary", notYet, "is not a secondary"},
		"wrong password":        {simserver.MongoLogin("other", false), "", rejected, "user or password refused (code 18)"},
		"wrong, at level proto": {simserver.MongoLogin("other", false), "#level=proto", ready, ""},
		"Atlas":                 {after(simserver.MongoFailure(8000, secret)), "", rejected, "user or password refused (code 8000)"},
		"no mechanism":          {after(simserver.MongoFailure(334, secret)), "", rejected, "does not log in this user by SCRAM"},
		"shutting down":         {after(simserver.MongoFailure(11600, secret)), "", notYet, "shutting down"},
		"weak iterations":       {after(simserver.MongoMessage(simserver.MongoBytes("payload", "r=x,s=AAAA,i=1"), simserver.MongoOK)), "", notYet, "not understood"},
		"no payload":            {after(simserver.MongoMessage(simserver.MongoOK)), "", notYet, "not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "mongodb://app:"+secret+"@"+serve(t, tt.server)+"/app?authSource=admin"+tt.tail, tt.want, tt.text)
		})
	}
}

func TestMongoDBUsage(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"mongodb://h/?unknown=1":                "unknown query key",
		"mongodb://h/?tls=true&ssl=false":       "contradict each other",
		"mongodb://h:0/":                        "number from 1 to 65535",
		"mongodb://a,,b/":                       "missing host",
		"mongodb:///app":                        "missing host",
		"mongodb+srv://a:27018":                 "one name and no port",
		"mongodb+srv://a,b":                     "one name and no port",
		"mongodb://u:p@h/?authMechanism=GSSAPI": "neither SCRAM-SHA-256 nor SCRAM-SHA-1",
		"mongodb://:p@h":                        "a login needs a user",
		"mongodb://h#level=state":               "needs role=",
		"mongodb://h#role=master":               "not primary or secondary or mongos",
		"mongodb://h/?tls=s3cr3t":               "not true or false",
	} {
		_, err := probe.Open(raw, probe.Options{})
		checkVerdict(t, err, notYet, want)
	}
	for _, raw := range []string{
		"mongodb://u:p@a:1,b:2/app?replicaSet=rs0&readPreference=secondary&w=majority&authSource=admin",
		"mongodb+srv://u:p@c.example.com/app?retryWrites=true&w=majority", "mongodb://%2Frun%2Fmongodb.sock/app",
		"mongodb://h/?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=/pem#level=proto",
	} {
		if _, err := probe.Open(raw, probe.Options{}); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// FuzzMongoDBAnswer sends any bytes for the answers of a server.
func FuzzMongoDBAnswer(f *testing.F) {
	f.Add(simserver.MongoMessage(simserver.MongoTrue("isWritablePrimary"), simserver.MongoArray("saslSupportedMechs", "SCRAM-SHA-256"), simserver.MongoOK))
	f.Add(simserver.MongoFailure(18, secret))
	f.Add(simserver.MongoMessage(simserver.MongoInt("conversationId", 1), simserver.MongoBytes("payload", "r=x,s=AAAA,i=4096"), simserver.MongoOK))
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		for _, user := range []string{"", "app:" + secret + "@"} {
			err := attemptWithin(t, "mongodb://"+user+address, 100*time.Millisecond)
			if err == nil && (user != "" || len(answer) < 26) {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}

// TestMongoDBSRV has the hosts and options of a cluster in DNS.
func TestMongoDBSRV(t *testing.T) {
	t.Parallel()
	_, port, err := net.SplitHostPort(serve(t, mongoSays(simserver.MongoTrue("isWritablePrimary"), simserver.MongoText("setName", "rs0"))))
	if err != nil {
		t.Fatal(err)
	}
	z := func(host, options string) zone {
		return func(name string, kind uint16) ([]string, byte) {
			switch {
			case name == "_mongodb._tcp.c.test" && kind == typeSRV && host != "":
				return []string{srvRecord(host, port)}, noError
			case name == "c.test" && kind == typeTXT && options != "":
				return []string{textRecord(options)}, noError
			case name == host && kind == typeA:
				return []string{"\x7f\x00\x00\x01"}, noError
			case name == host:
				return nil, noError
			}
			return nil, noName
		}
	}
	for name, tt := range map[string]struct {
		zone zone
		want verdict
		text string
	}{
		"without options":     {z("a.c.test", ""), ready, ""},
		"with options":        {z("a.c.test", "authSource=admin&replicaSet=rs0"), ready, ""},
		"another replica set": {z("a.c.test", "replicaSet=rs1"), notYet, "not in the replica set"},
		"no such name":        {z("", ""), notYet, "name not found"},
		"another domain":      {z("a.example.com", ""), notYet, "outside the domain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := open(t, "mongodb+srv://c.test/?tls=false", probe.Options{})
			probe.SetResolver(target, resolverAt(nameServer(t, tt.zone)))
			checkVerdict(t, target.Probe(t.Context()), tt.want, tt.text)
		})
	}
}
