package probe

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/inith/inith/internal/scram"
	"github.com/inith/inith/internal/usererr"
)

// maxKafkaTotal bounds what a broker may make us read, in bytes: a topic of 5,000 partitions needs half of it.
const maxKafkaTotal = 512 << 10

// Versions of Metadata. The newest is the first that need not create a topic; the oldest can list all of them. All versions
// here are without the tagged fields of later ones.
const (
	oldestKafkaMetadata = 1
	newestKafkaMetadata = 4
)

var errNotKafka = errors.New("not an answer of Kafka")

// A kafkaConn is a connection to a broker, which answers one request after the other.
type kafkaConn struct {
	net.Conn
	correlation int32
	metadata    int16 // the version of Metadata that both know
}

// kafkaLoginHint is for logins that a broker refuses.
const kafkaLoginHint = "check that user, password and sasl= are those of this listener"

// ask sends a request and reads its answer.
func (c *kafkaConn) ask(request kmsg.Request, answer kmsg.Response) error {
	c.correlation++
	message := kmsg.NewRequestFormatter(kmsg.FormatterClientID(protoUser)).AppendRequest(nil, request, c.correlation)
	if _, err := c.Write(message); err != nil {
		return err
	}
	const correlation = 4 // bytes
	var head [4 + correlation]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	switch {
	case isTLSAlert(head[:]):
		return &usererr.Error{Text: "the port speaks TLS", Hint: "write kafka+ssl:// for this listener"}
	case size < correlation, size > maxKafkaTotal,
		int32(binary.BigEndian.Uint32(head[4:])) != c.correlation: //nolint:gosec // any number
		return errNotKafka
	}
	body := make([]byte, size-correlation)
	if _, err := io.ReadFull(c, body); err != nil {
		return err
	}
	answer.SetVersion(request.GetVersion())
	return answer.ReadFrom(body)
}

// isTLSAlert reports whether an answer begins as that of a server that has expected TLS (RFC 8446, 5.1).
func isTLSAlert(head []byte) bool {
	const alert, major = 21, 3
	return head[0] == alert && head[1] == major
}

// versions asks which requests the broker knows, which it also answers before a login.
func (c *kafkaConn) versions() error {
	request, answer := kmsg.NewPtrApiVersionsRequest(), kmsg.NewPtrApiVersionsResponse()
	if err := c.ask(request, answer); err != nil {
		return err
	}
	if answer.ErrorCode != 0 {
		return kafkaError(answer.ErrorCode)
	}
	for _, k := range answer.ApiKeys {
		if k.ApiKey == kmsg.Metadata.Int16() && k.MinVersion <= newestKafkaMetadata && oldestKafkaMetadata <= k.MaxVersion {
			c.metadata = min(k.MaxVersion, newestKafkaMetadata)
			return nil
		}
	}
	return &usererr.Error{Text: "the broker does not support versions 1 to 4 of Metadata", Hint: "inith supports Kafka since 0.10"}
}

// metadata asks for the brokers, and for the topic if there is one. A broker that might create the topic is asked for all.
func (a *kafkaAttempt) metadata(c *kafkaConn) (*kmsg.MetadataResponse, error) {
	request, answer := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrMetadataResponse()
	request.Version = c.metadata
	request.AllowAutoTopicCreation = false
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	switch {
	case a.topic == "":
	case c.metadata < newestKafkaMetadata:
		request.Topics = nil
	default:
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &a.topic
		request.Topics = append(request.Topics, topic)
	}
	err := c.ask(request, answer)
	if a.user == "" && errors.Is(err, io.EOF) {
		return nil, &usererr.Error{
			Text: "the broker closed the connection when it was asked without a login",
			Hint: "write user and password in the URL if the listener requires SASL", Err: err,
		}
	}
	return answer, err
}

// login logs in by SASL.
func (a *kafkaAttempt) login(c *kafkaConn) error {
	request, answer := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	request.Version = 1
	request.Mechanism = strings.ToUpper(cmp.Or(a.mechanism, "plain"))
	if err := c.ask(request, answer); err != nil {
		return err
	}
	if answer.ErrorCode != 0 {
		return kafkaMechanism(answer)
	}
	switch request.Mechanism {
	case "SCRAM-SHA-256":
		return c.scram(scram.NewClient(sha256.New, a.user, a.password))
	case "SCRAM-SHA-512":
		return c.scram(scram.NewClient(sha512.New, a.user, a.password))
	default:
		_, err := c.authenticate("\x00" + a.user + "\x00" + a.password)
		return err
	}
}

func (c *kafkaConn) scram(client *scram.Client) error {
	challenge, err := c.authenticate(client.First())
	if err != nil {
		return err
	}
	proof, err := client.Final(challenge)
	if err != nil {
		return err
	}
	answer, err := c.authenticate(proof)
	if err != nil {
		return err
	}
	return client.Verify(answer)
}

// authenticate sends a message of SASL and returns the answer to it.
func (c *kafkaConn) authenticate(message string) (string, error) {
	request, answer := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
	request.SASLAuthBytes = []byte(message)
	err := c.ask(request, answer)
	switch {
	case errors.Is(err, io.EOF): // instead of error 58
		return "", Rejected(&usererr.Error{
			Text: "the broker closed the connection at the login", Hint: kafkaLoginHint, Err: err,
		})
	case err != nil:
		return "", err
	}
	if answer.ErrorCode != 0 {
		return "", kafkaError(answer.ErrorCode)
	}
	return string(answer.SASLAuthBytes), nil
}
