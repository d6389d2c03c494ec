package integration_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/inith/inith/probe"
)

// temporalFrontend is the service that Temporal's frontend reports the health of.
// https://github.com/temporalio/temporal/blob/main/service/frontend/service.go
const temporalFrontend = "temporal.api.workflowservice.v1.WorkflowService"

// grpcKinds are asked for their health by gRPC. The server of temporal is no Temporal: it has the health of its frontend.
func grpcKinds() []kind {
	return []kind{
		{
			name:           "grpc",
			target:         func(_ *testing.T, addr, _ string) string { return "grpc://" + addr },
			start:          func(t *testing.T, addr string) *server { t.Helper(); return startGRPC(t, addr, up()) },
			use:            func(ctx context.Context, addr string) error { return useGRPC(ctx, addr, "", insecure.NewCredentials()) },
			starting:       func(t *testing.T, addr string) func() { t.Helper(); return finishing(t, startGRPC(t, addr)) },
			startingLevels: []probe.Level{probe.LevelProto},
		},
		{
			name: "grpcs",
			target: func(t *testing.T, addr, _ string) string {
				t.Helper()
				return "grpcs://" + addr + "#ca-file=" + caFile(t)
			},
			noPassword: true,
			start:      func(t *testing.T, addr string) *server { t.Helper(); return startGRPCS(t, addr, up()) },
			use: func(ctx context.Context, addr string) error {
				return useGRPC(ctx, addr, "", credentials.NewTLS(trusting()))
			},
			starting:       func(t *testing.T, addr string) func() { t.Helper(); return finishing(t, startGRPCS(t, addr)) },
			startingLevels: []probe.Level{probe.LevelProto},
		},
		{
			name:   "temporal",
			target: func(_ *testing.T, addr, _ string) string { return "temporal://" + addr },
			start: func(t *testing.T, addr string) *server {
				t.Helper()
				return startGRPC(t, addr, up(), testcontainers.WithCmdArgs("--service", temporalFrontend))
			},
			use: func(ctx context.Context, addr string) error {
				return useGRPC(ctx, addr, temporalFrontend, insecure.NewCredentials())
			},
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				return finishing(t, startGRPC(t, addr, testcontainers.WithCmdArgs("--service", temporalFrontend)))
			},
			startingLevels: []probe.Level{probe.LevelProto},
		},
	}
}

// startGRPC starts a server that is NOT_SERVING until there is a file /tmp/ready.
func startGRPC(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "busybox", append([]testcontainers.ContainerCustomizer{
		withDir(program(t, "grpcserver"), "/grpcserver"),
		testcontainers.WithCmd("/grpcserver", "--listen", addr),
	}, opts...)...)
}

func startGRPCS(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startGRPC(t, addr, append(opts, withCertificate(t), testcontainers.WithCmdArgs("--cert", "/tls.crt", "--key", "/tls.key"))...)
}

// finishing returns what makes a server ready.
func finishing(t *testing.T, s *server) func() {
	t.Helper()
	return func() { s.exec(t, "", "touch", "/tmp/ready") }
}

// useGRPC calls the server by grpc-go.
func useGRPC(ctx context.Context, addr, service string, c credentials.TransportCredentials) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(c))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	if err == nil && answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		err = fmt.Errorf("the health is %v", answer.GetStatus())
	}
	return err
}
