package integration_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/inith/inith/sidecar/audit"
)

// TestAuditGRPC runs the interoperability tests of gRPC directly and through the audit proxy.
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
func TestAuditGRPC(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	proxy := startAudit(t, audit.Options{Upstream: l.Addr().String()})
	for _, address := range []string{l.Addr().String(), proxy.address} {
		interoperate(t, address)
	}
	if r := proxy.end(t); r.Records < 12 {
		t.Errorf("%+v", r)
	}
}

// An auditProxy is one in the process of the test.
type auditProxy struct {
	address, log string
	cancel       context.CancelFunc
	done         chan error
}

// startAudit starts a proxy on a free port.
func startAudit(t *testing.T, o audit.Options) *auditProxy {
	t.Helper()
	o.Listen, o.Log.Path = freeAddr(t), filepath.Join(t.TempDir(), "requests.jsonl")
	proxy, err := audit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	p := &auditProxy{address: o.Listen, log: o.Log.Path, cancel: cancel, done: make(chan error, 1)}
	go func() { p.done <- proxy.Serve(ctx) }()
	poll(t, time.Minute, func(context.Context) error { return proxy.Ready() })
	return p
}

// end drains the proxy, and verifies its log.
func (p *auditProxy) end(t *testing.T) audit.Report {
	t.Helper()
	p.cancel()
	if err := <-p.done; err != nil {
		t.Error(err)
	}
	r, err := audit.Verify([]string{p.log}, nil)
	if err != nil || !r.Closed {
		t.Errorf("%+v, %v", r, err)
	}
	return r
}

// interoperate runs the cases; a case ends the process of the test if it fails.
func interoperate(t *testing.T, address string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := testpb.NewTestServiceClient(conn)
	for name, test := range map[string]func(context.Context, testpb.TestServiceClient, ...grpc.CallOption){
		"empty_unary": interop.DoEmptyUnaryCall, "large_unary": interop.DoLargeUnaryCall, "client_streaming": interop.DoClientStreaming,
		"server_streaming": interop.DoServerStreaming, "ping_pong": interop.DoPingPong, "empty_stream": interop.DoEmptyStream,
		"timeout_on_sleeping_server": interop.DoTimeoutOnSleepingServer, "cancel_after_begin": interop.DoCancelAfterBegin,
		"cancel_after_first_response": interop.DoCancelAfterFirstResponse, "custom_metadata": interop.DoCustomMetadata,
		"status_code_and_message": interop.DoStatusCodeAndMessage, "special_status_message": interop.DoSpecialStatusMessage,
		"unimplemented_method": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedMethod(ctx, conn)
		},
	} {
		t.Log(address, name)
		test(t.Context(), client)
	}
}
