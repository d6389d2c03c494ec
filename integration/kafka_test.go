package integration_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/inith/inith/probe"
)

// startKafka starts a broker that needs a password and has the topic orders.
func startKafka(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "busybox", append([]testcontainers.ContainerCustomizer{
		withDir(program(t, "kafkaserver"), "/kafkaserver"),
		testcontainers.WithCmd("/kafkaserver", "--port", portOf(addr), "--password", password),
	}, opts...)...)
}

func startKafkaTLS(t *testing.T, addr string) *server {
	t.Helper()
	return startKafka(t, addr, withCertificate(t), testcontainers.WithCmdArgs("--cert", "/tls.crt", "--key", "/tls.key"))
}

func useKafka(ctx context.Context, addr string) error { return produce(ctx, addr, nil) }

func useKafkaTLS(ctx context.Context, addr string) error { return produce(ctx, addr, trusting()) }

// produce writes a record, as an application does.
func produce(ctx context.Context, addr string, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	client, err := kafkaClient(addr, config)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
}

func kafkaClient(addr string, config *tls.Config) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.RecordRetries(0), kgo.DisableClientMetrics(),
		kgo.SASL(scram.Auth{User: "app", Pass: password}.AsSha512Mechanism()),
	}
	if config != nil {
		options = append(options, kgo.DialTLSConfig(config))
	}
	return kgo.NewClient(options...)
}

// TestKafkaProbesAreHarmless asks 200 times for a topic that does not exist, of a broker that creates those that clients
// ask for.
func TestKafkaProbesAreHarmless(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startKafka(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useKafka(ctx, addr) })
	target := open(t, "kafka://app:"+escape(password)+"@"+addr+"#topic=missing")
	for range 200 {
		wantNotYet(t, attempt(t, target, 10*time.Second))
	}
	if topics := kafkaTopics(t, addr); !slices.Equal(topics, []string{"orders"}) {
		t.Errorf("the broker has the topics %q", topics)
	}
}

func kafkaTopics(t *testing.T, addr string) []string {
	t.Helper()
	client, err := kafkaClient(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = nil // all
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range answer.Topics {
		names = append(names, *topic.Topic)
	}
	return names
}

// TestKafkaLogins has each mechanism with the right and a wrong password, and what a cluster is asked for.
func TestKafkaLogins(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startKafka(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useKafka(ctx, addr) })
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		keys := "#topic=orders&brokers=1&sasl=" + mechanism
		if err := attempt(t, open(t, "kafka://app:"+escape(password)+"@"+addr+keys), 10*time.Second); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		err := attempt(t, open(t, "kafka://app:"+escape(wrongPassword)+"@"+addr+keys), 10*time.Second)
		if _, rejected := errors.AsType[*probe.RejectedError](err); !rejected {
			t.Errorf("%s: %v, want a RejectedError", mechanism, err)
		}
	}
	wantNotYet(t, attempt(t, open(t, "kafka://app:"+escape(password)+"@"+addr+"#brokers=2"), 10*time.Second))
}

// TestKafkaMockCluster asks librdkafka's mock cluster, whose three brokers write what they are asked.
func TestKafkaMockCluster(t *testing.T) {
	t.Parallel()
	s := startServer(t, "kcat", testcontainers.WithEntrypoint("sh", "-c",
		"sleep 3600 | kcat -P -b unused -X test.mock.num.brokers=3 -t orders -d mock")) // makes the topic orders
	const key = "bootstrap.servers="
	var brokers string
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		_, after, found := strings.Cut(s.log(ctx, t), key)
		if !found || !strings.Contains(after, `Created topic "orders"`) {
			return errors.New("no topic yet")
		}
		brokers = strings.Fields(after)[0]
		return nil
	})
	for keys, ready := range map[string]bool{"": true, "#topic=orders&brokers=3": true, "#brokers=4": false, "#topic=missing": false} {
		err := attempt(t, open(t, "kafka://"+brokers+keys), time.Minute)
		if (err == nil) != ready {
			t.Errorf("%q: %v, want ready: %t", keys, err, ready)
		}
	}
	if strings.Contains(s.log(t.Context(), t), `Created topic "missing"`) {
		t.Error("the probe created a topic")
	}
}
