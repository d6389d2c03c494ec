package probe_test

import (
	"cmp"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// A kafkaBroker is a simulated broker, which answers the first requests of a client.
type kafkaBroker struct {
	refuse     map[kmsg.Key]int16 // error codes, by request
	mechanisms []string           // those that a login may have
	hangsUp    bool               // at the login
	anonymous  bool               // answers Metadata without a login
	brokers    []string           // advertised; nil is the broker's own address
	controller int32
	topic      *kmsg.MetadataResponseTopic
	created    *bool // set when a client lets a topic be created
	newest     int16 // version of Metadata; zero is 12
}

// kafkaTopic is a topic with the leaders of its partitions.
func kafkaTopic(code int16, leaders ...int32) *kmsg.MetadataResponseTopic {
	topic := kmsg.NewMetadataResponseTopic()
	topic.ErrorCode = code
	for _, leader := range leaders {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Leader = leader
		topic.Partitions = append(topic.Partitions, p)
	}
	return &topic
}

func (k kafkaBroker) handle(c net.Conn) {
	loggedIn := k.anonymous
	for {
		key, version, correlation, body, err := readKafka(c)
		if err != nil || key == kmsg.Metadata && !loggedIn || key == kmsg.SASLAuthenticate && k.hangsUp {
			return
		}
		var answer kmsg.Response
		switch key {
		case kmsg.ApiVersions:
			answer = k.versions()
		case kmsg.SASLHandshake:
			a := kmsg.NewPtrSASLHandshakeResponse()
			a.ErrorCode, a.SupportedMechanisms = k.refuse[key], k.mechanisms
			answer = a
		case kmsg.SASLAuthenticate:
			a := kmsg.NewPtrSASLAuthenticateResponse()
			request := kmsg.NewPtrSASLAuthenticateRequest()
			_ = request.ReadFrom(body)
			a.ErrorCode, a.SASLAuthBytes = k.refuse[key], request.SASLAuthBytes // repeats the password
			a.ErrorMessage = new(secret)
			if string(request.SASLAuthBytes) != "\x00app\x00"+secret {
				a.ErrorCode = 58
			}
			loggedIn = true
			answer = a
		case kmsg.Metadata:
			answer = k.metadata(c, body, version)
		}
		answer.SetVersion(version)
		writeKafka(c, correlation, answer)
	}
}

func (k kafkaBroker) versions() kmsg.Response {
	a := kmsg.NewPtrApiVersionsResponse()
	a.ErrorCode = k.refuse[kmsg.ApiVersions]
	supported := kmsg.NewApiVersionsResponseApiKey()
	supported.ApiKey, supported.MaxVersion = kmsg.Metadata.Int16(), cmp.Or(k.newest, 12)
	if k.refuse[kmsg.Metadata] == 0 {
		a.ApiKeys = append(a.ApiKeys, supported)
	}
	return a
}

func (k kafkaBroker) metadata(c net.Conn, body []byte, version int16) kmsg.Response {
	request := kmsg.NewPtrMetadataRequest()
	request.Version = version
	_ = request.ReadFrom(body)
	if k.created != nil && len(request.Topics) > 0 && (version < 4 || request.AllowAutoTopicCreation) {
		*k.created = true
	}
	a := kmsg.NewPtrMetadataResponse()
	a.ControllerID = k.controller
	addresses := k.brokers
	if addresses == nil {
		addresses = []string{c.LocalAddr().String()}
	}
	for i, address := range addresses {
		host, port, _ := net.SplitHostPort(address)
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host = int32(i), host
		n, _ := strconv.Atoi(port)
		b.Port = int32(n)
		a.Brokers = append(a.Brokers, b)
	}
	if k.topic != nil {
		a.Topics = append(a.Topics, *k.topic)
		a.Topics[0].Topic = new("orders")
	}
	return a
}

func readKafka(c net.Conn) (key kmsg.Key, version int16, correlation uint32, body []byte, err error) {
	var head [14]byte // size, key, version, correlation, size of the client id
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(head[:])-10)
	if _, err := io.ReadFull(c, body); err != nil {
		return 0, 0, 0, nil, err
	}
	key = kmsg.Key(binary.BigEndian.Uint16(head[4:]))
	version = int16(binary.BigEndian.Uint16(head[6:]))
	return key, version, binary.BigEndian.Uint32(head[8:]), body[binary.BigEndian.Uint16(head[12:]):], nil
}

func writeKafka(c net.Conn, correlation uint32, answer kmsg.Response) {
	body := answer.AppendTo(binary.BigEndian.AppendUint32(nil, correlation))
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
}

func TestKafka(t *testing.T) {
	t.Parallel()
	refuses := func(key kmsg.Key, code int16) simserver.Handler {
		return kafkaBroker{refuse: map[kmsg.Key]int16{key: code}, mechanisms: []string{"PLAIN", "SCRAM-SHA-512", secret}}.handle
	}
	topic := func(topic *kmsg.MetadataResponseTopic) simserver.Handler {
		return kafkaBroker{anonymous: true, topic: topic}.handle
	}
	up := kafkaBroker{anonymous: true}.handle
	login := "app:" + secret + "@"
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		"proto: up":                  {up, "", "", ready, ""},
		"proto: wants a login":       {kafkaBroker{}.handle, "", "", ready, ""},
		"proto: too new":             {refuses(kmsg.ApiVersions, 35), "", "", notYet, "does not support this version of a request (error 35)"},
		"proto: too old":             {refuses(kmsg.Metadata, 1), "", "", notYet, "does not support versions 1 to 4"},
		"proto: another protocol":    {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		"proto: TLS":                 {simserver.Say("\x15\x03\x03\x00\x02\x02\x46\x00"), "", "", notYet, "the port speaks TLS"},
		"proto: repeats the request": {simserver.Echo(""), "", "", notYet, "not understood"},
		"proto: a huge answer":       {simserver.Say("\x7f\xff\xff\xff\x00\x00\x00\x01"), "", "", notYet, "not understood"},
		"proto: an empty answer":     {simserver.Say("\x00\x00\x00\x04\x00\x00\x00\x01"), "", "", notYet, "not understood"},
		"proto: hangs up":            {simserver.HangUp, "", "", notYet, "without an answer"},
		"proto: silent":              {simserver.Silent, "", "", notYet, "sent nothing"},
		"tcp: silent":                {simserver.Silent, "", "#level=tcp", ready, ""},
		"tcp: hangs up":              {simserver.HangUp, "", "#level=tcp&settle=1m", notYet, "closed it at once"},
		"auth: right password":       {kafkaBroker{}.handle, login, "", ready, ""},
		"auth: wrong password":       {kafkaBroker{}.handle, "app:x" + secret + "@", "", rejected, "user or password refused (error 58)"},
		"auth: closes at the login":  {kafkaBroker{hangsUp: true}.handle, login, "", rejected, "closed the connection at the login"},
		"auth: no SASL":              {refuses(kmsg.SASLHandshake, 34), login, "", rejected, "did not expect a login"},
		"auth: another mechanism":    {refuses(kmsg.SASLHandshake, 33), login, "", permanent, "does not accept this mechanism"},
		"auth: unknown error":        {refuses(kmsg.SASLHandshake, 999), login, "", notYet, "answered with an error (error 999)"},
		"auth: repeats SCRAM":        {kafkaBroker{}.handle, login, "#sasl=scram-sha-256", rejected, "refused"},
		"auth: nobody":               {up, "", "#level=auth", ready, ""},
		"auth: wants a login":        {kafkaBroker{}.handle, "", "#level=auth", notYet, "when it was asked without a login"},
		"state: listeners":           {up, "", "#level=state", ready, ""},
		"state: after a login":       {kafkaBroker{}.handle, login, "#brokers=1", ready, ""},
		"state: too few":             {up, "", "#brokers=3", notYet, "the cluster has 1 of 3 brokers"},
		"state: no broker":           {kafkaBroker{anonymous: true, brokers: []string{}}.handle, "", "#brokers=1", notYet, "lists no broker"},
		"state: no controller":       {kafkaBroker{anonymous: true, controller: -1}.handle, "", "#brokers=1", notYet, "no controller"},
		"state: leaders":             {topic(kafkaTopic(0, 0, 1, 2)), "", "#topic=orders", ready, ""},
		"state: no leader":           {topic(kafkaTopic(0, 0, -1, -1)), "", "#topic=orders", notYet, "2 of 3 partitions of the topic have no leader"},
		"state: no topic":            {topic(kafkaTopic(3)), "", "#topic=orders", notYet, "does not exist (yet) (error 3)"},
		"state: electing":            {topic(kafkaTopic(5)), "", "#topic=orders", notYet, "being elected (error 5)"},
		"state: no partition":        {topic(kafkaTopic(0)), "", "#topic=orders", notYet, "has no partition"},
		"state: not allowed":         {topic(kafkaTopic(29)), "", "#topic=orders", notYet, "may not describe the topic"},
		"state: no such name":        {topic(kafkaTopic(17)), "", "#topic=orders", permanent, "not valid"},
		"state: another topic":       {topic(kafkaTopic(0, 0)), "", "#topic=payments", notYet, "does not exist (yet) (error 3)"},
		"state: not listed":          {up, "", "#topic=orders", notYet, "does not exist (yet) (error 3)"},
		"state: an old broker":       {kafkaBroker{anonymous: true, newest: 2, topic: kafkaTopic(0, 0)}.handle, "", "#topic=orders", ready, ""},
		"state: unreachable": {
			kafkaBroker{anonymous: true, brokers: []string{"127.0.0.1:1", "127.0.0.1:2"}}.handle, "", "#level=state", notYet,
			"broker 0 advertises 127.0.0.1:1, broker 1 advertises 127.0.0.1:2: no broker answers at that address from here (connection refused)",
		},
		"state: many unreachable": {
			kafkaBroker{anonymous: true, brokers: strings.Split(strings.Repeat(" 127.0.0.1:1", 40)[1:], " ")}.handle, "", "#level=state", notYet,
			"and 35 more do the same",
		},
		"state: advertises a secret": {
			kafkaBroker{anonymous: true, brokers: []string{"[" + secret + " ]:0"}}.handle, "", "#level=state", notYet, "broker 0 advertises …:0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "kafka://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// TestKafkaOffersMechanisms has a hint with those names only that mechanisms have.
func TestKafkaOffersMechanisms(t *testing.T) {
	t.Parallel()
	broker := kafkaBroker{refuse: map[kmsg.Key]int16{kmsg.SASLHandshake: 33}, mechanisms: []string{secret, "SCRAM-SHA-512"}}
	err := attempt(t, "kafka://app:p@"+serve(t, broker.handle))
	if hint := probe.Hint(err); hint != "it offers SCRAM-SHA-512: select one with #sasl=" {
		t.Errorf("hint %q", hint)
	}
}

// TestKafkaSilentListener has an advertised listener that accepts and does not answer: it is named at the end of the attempt.
func TestKafkaSilentListener(t *testing.T) {
	t.Parallel()
	silent := serve(t, simserver.Silent)
	bootstrap := serve(t, kafkaBroker{anonymous: true, brokers: []string{silent}}.handle)
	check(t, "kafka://"+bootstrap+"#level=state", notYet, "broker 0 advertises "+silent)
}

// TestKafkaCreatesNoTopic looks at what the request allows, also that of an old broker, where every request for a topic
// may create it.
func TestKafkaCreatesNoTopic(t *testing.T) {
	t.Parallel()
	for _, newest := range []int16{0, 1, 3} {
		created := false
		broker := kafkaBroker{anonymous: true, newest: newest, topic: kafkaTopic(3), created: &created}
		check(t, "kafka://"+serve(t, broker.handle)+"#topic=orders", notYet, "does not exist")
		if created {
			t.Errorf("version %d: the request allows the broker to create the topic", newest)
		}
	}
}

// TestKafkaServers has bootstrap servers of which some are down: one is enough.
func TestKafkaServers(t *testing.T) {
	t.Parallel()
	up, silent := serve(t, kafkaBroker{anonymous: true}.handle), serve(t, simserver.Silent)
	for servers, want := range map[string]verdict{
		up + ",127.0.0.1:1": ready, "127.0.0.1:1," + up: ready, silent + "," + up: ready, "127.0.0.1:1,127.0.0.1:2": notYet,
	} {
		checkVerdict(t, attempt(t, "kafka://"+servers+"#level=state&timeout=20s"), want, "")
	}
}

func TestKafkaURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"kafka://h/orders":                       "name the topic as #topic=",
		"kafka://h?acks=all":                     `unknown query key "acks"`,
		"kafka://:" + secret + "@h":              "a login needs a user",
		"kafka://h#sasl=plain":                   "a login needs a user",
		"kafka://u@h#level=auth":                 "a login needs a password",
		"kafka://u:" + secret + "@h#sasl=gssapi": "not plain or scram-sha-256 or scram-sha-512",
		"kafka://h#brokers=0":                    "not a number of at least 1",
		"kafka://a,:1":                           "missing host",
		"kafka://a:1,b:99999":                    "not a number from 1 to 65535",
		"kafka+ssl://h":                          "missing port",
		"kafka+ssl://a,b":                        "missing port",
		"kafka://h#ca-file=x":                    `unknown fragment key "ca-file"`,
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// FuzzKafkaAnswer sends any bytes for the body of every answer.
func FuzzKafkaAnswer(f *testing.F) {
	for _, answer := range []string{"\x00\x00\x00\x00\x00\x01\x00\x03\x00\x00\x00\x0c", "\x00\x00\x7f\xff\xff\xff", "\x00\x22"} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		address := serve(t, func(c net.Conn) {
			for {
				_, _, correlation, _, err := readKafka(c)
				if err != nil {
					return
				}
				body := append(binary.BigEndian.AppendUint32(nil, correlation), answer...)
				_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
			}
		})
		for _, user := range []string{"", "u:p@"} {
			if err := attemptWithin(t, "kafka://"+user+address+"#topic=t", 100*time.Millisecond); err == nil {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
