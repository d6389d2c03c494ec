// Command kafkaserver is a broker of Kafka in one process, made by the authors of the franz-go client: it stands in the
// conformance suite for Kafka itself, which needs a JVM.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// serve starts the broker.
func serve() error {
	port := flag.Int("port", 0, "to listen on, at the loopback address")
	password := flag.String("password", "", "of the user app; empty: the broker has no SASL")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(*port), kfake.SeedTopics(3, "orders"), kfake.AllowAutoTopicCreation()}
	if *password != "" {
		options = append(options, kfake.EnableSASL())
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			options = append(options, kfake.Superuser(mechanism, "app", *password))
		}
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		options = append(options, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	}
	_, err := kfake.NewCluster(options...)
	return err
}
