package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// judge says whether a cluster is in the state that was asked for. Clients connect to the addresses that the brokers
// advertise, so these must be reachable from here.
func (a *kafkaAttempt) judge(ctx context.Context, cluster *kmsg.MetadataResponse) error {
	switch found := len(cluster.Brokers); {
	case found == 0:
		return &usererr.Error{Text: "the cluster lists no broker"}
	case cluster.ControllerID < 0:
		return &usererr.Error{Text: "the cluster has no controller"}
	case found < a.brokers:
		return &usererr.Error{Text: fmt.Sprintf("the cluster has %d of %d brokers", found, a.brokers)}
	}
	if a.topic != "" {
		if err := a.judgeTopic(cluster.Topics); err != nil {
			return err
		}
	}
	return a.reach(ctx, cluster.Brokers)
}

// judgeTopic looks at the topic that was asked for.
func (a *kafkaAttempt) judgeTopic(topics []kmsg.MetadataResponseTopic) error {
	const unknown = 3 // the code of a topic that does not exist
	i := slices.IndexFunc(topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic != nil && *t.Topic == a.topic })
	if i < 0 {
		return kafkaError(unknown)
	}
	topic := topics[i]
	if topic.ErrorCode != 0 {
		return kafkaError(topic.ErrorCode)
	}
	without := 0
	for _, p := range topic.Partitions {
		if p.Leader < 0 {
			without++
		}
	}
	switch all := len(topic.Partitions); {
	case all == 0:
		return &usererr.Error{Text: "the topic has no partition"}
	case without > 0:
		return &usererr.Error{Text: fmt.Sprintf("%d of %d partitions of the topic have no leader", without, all)}
	}
	return nil
}

// Of the listeners that brokers advertise: how many are asked at a time, and how many of those that cannot be reached are
// named.
const (
	maxKafkaDials = 16
	maxKafkaNamed = 5
)

// reach connects to the address that each broker advertises.
func (a *kafkaAttempt) reach(ctx context.Context, brokers []kmsg.MetadataResponseBroker) error {
	slices.SortFunc(brokers, func(a, b kmsg.MetadataResponseBroker) int { return int(a.NodeID) - int(b.NodeID) })
	if deadline, ok := ctx.Deadline(); ok { // the rest is for naming those that do not answer
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)*3/4)
		defer cancel()
		ctx = limited
	}
	failures := make([]error, len(brokers))
	var dials sync.WaitGroup
	free := make(chan struct{}, maxKafkaDials)
	for i, b := range brokers {
		free <- struct{}{}
		dials.Go(func() {
			defer func() { <-free }()
			defer crash.Recover(&failures[i])
			c, err := a.connect(ctx, kafkaAddress(b, b.Host))
			if failures[i] = err; err == nil {
				_ = c.Close()
			}
		})
	}
	dials.Wait()
	return unreachable(brokers, failures)
}

// unreachable names the brokers that did not answer, nil if all did.
func unreachable(brokers []kmsg.MetadataResponseBroker, failures []error) error {
	var named []string
	var last error
	more := 0
	for i, b := range brokers {
		switch {
		case failures[i] == nil:
			continue
		case len(named) == maxKafkaNamed:
			more++
		default:
			named = append(named, fmt.Sprintf("broker %d advertises %s", b.NodeID, kafkaAddress(b, redact.Name(b.Host))))
		}
		last = failures[i]
	}
	if last == nil {
		return nil
	}
	text := strings.Join(named, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more do the same", more)
	}
	return &usererr.Error{
		Text: text + ": no broker answers at that address from here" + kafkaReason(last),
		Hint: "set advertised.listeners of the broker to an address that its clients can reach", Err: last,
	}
}

func kafkaAddress(b kmsg.MetadataResponseBroker, host string) string {
	return net.JoinHostPort(host, strconv.Itoa(int(b.Port)))
}

// kafkaReason says why a broker did not answer, if that is known.
func kafkaReason(err error) string {
	known, ok := errors.AsType[*usererr.Error](err)
	if !ok {
		known = usererr.Connection(err)
	}
	if known == nil {
		return ""
	}
	return " (" + known.Text + ")"
}

// kafkaError says what an error code means.
// https://kafka.apache.org/protocol#protocol_error_codes
func kafkaError(code int16) error {
	known := map[int16]usererr.Error{
		3:  {Text: "the topic does not exist (yet)", Hint: "check whether the job that creates it has run"},
		5:  {Text: "a leader is being elected"},
		8:  {Text: "the broker is not available"},
		14: {Text: "the coordinator is loading"},
		17: {Text: "the name of the topic is not valid"},
		29: {Text: "the user may not describe the topic", Hint: "allow DESCRIBE on the topic in its ACL"},
		31: {Text: "the user may not describe the cluster"},
		34: {Text: "the broker did not expect a login", Hint: "this listener has no SASL: remove user and password"},
		35: {Text: "the broker does not support this version of a request"},
		58: {Text: "user or password refused", Hint: kafkaLoginHint},
	}
	e, ok := known[code]
	if !ok {
		e.Text = "the broker answered with an error"
	}
	e.Text += fmt.Sprintf(" (error %d)", code)
	switch code {
	case 17:
		return Permanent(&e)
	case 34, 58:
		return Rejected(&e)
	}
	return &e
}

// kafkaMechanism says that the broker does not have the mechanism of the login, and which it has.
func kafkaMechanism(answer *kmsg.SASLHandshakeResponse) error {
	const unsupported = 33
	if answer.ErrorCode != unsupported {
		return kafkaError(answer.ErrorCode)
	}
	e := &usererr.Error{Text: "the broker does not accept this mechanism of SASL (error 33)"}
	var offered []string
	for _, name := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"} {
		if slices.Contains(answer.SupportedMechanisms, name) {
			offered = append(offered, name)
		}
	}
	if len(offered) > 0 {
		e.Hint = "it offers " + strings.Join(offered, ", ") + ": select one with #sasl="
	}
	return Permanent(e)
}
