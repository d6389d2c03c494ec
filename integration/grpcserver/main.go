// Command grpcserver is a server with the health service of grpc-go. It is NOT_SERVING until there is a file /tmp/ready.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves until the process ends.
func serve() error {
	address := flag.String("listen", "", "address to listen on")
	service := flag.String("service", "", "the service whose health it reports; empty: of the server as a whole")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	var options []grpc.ServerOption
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", *address)
	if err != nil {
		return err
	}
	s, h := grpc.NewServer(options...), health.NewServer()
	h.SetServingStatus(*service, healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s, h)
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			if _, err := os.Stat("/tmp/ready"); err == nil {
				h.SetServingStatus(*service, healthpb.HealthCheckResponse_SERVING)
				return
			}
		}
	}()
	return s.Serve(l)
}
