package probe

import (
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// temporalFrontend is the service that tells of a Temporal server whether it takes requests.
const temporalFrontend = "temporal.api.workflowservice.v1.WorkflowService"

// grpcOptions are those of grpc, grpcs and temporal.
type grpcOptions struct {
	service      string // "" is the server as a whole
	headerFile   string
	passwordFile string
}

func (o *grpcOptions) keys() []target.Key {
	return []target.Key{
		{Name: "service", State: true, Usage: "ready when the health of this gRPC service is SERVING", Set: target.String(&o.service)},
		headerFileKey(&o.headerFile),
		target.PasswordFile(&o.passwordFile),
	}
}

func (*grpcOptions) level(*spec) Level { return LevelProto }

func (o *grpcOptions) open(s *spec) (Prober, error) {
	switch {
	case s.url.Hostname() == "":
		return nil, errors.New("missing host")
	case strings.Trim(s.url.Path, "/") != "":
		return nil, fmt.Errorf("want %s://host:port, without a path: the service goes to #service=", s.url.Scheme)
	case s.level == LevelTCP:
		return openPort(s)
	}
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	u := &url.URL{Scheme: "http", Host: s.url.Host, Path: "/grpc.health.v1.Health/Check"}
	if strings.HasSuffix(s.url.Scheme, "grpcs") {
		u.Scheme = "https"
	}
	h := &http{
		httpOptions: httpOptions{
			method: nethttp.MethodPost, headerFile: o.headerFile, passwordFile: o.passwordFile, h2c: u.Scheme == "http",
		},
		spec: s, url: u, tls: tlsconfig.Loader{TLS: s.tls}, password: s.password(o.passwordFile), bearer: true,
		header:  nethttp.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}},
		payload: healthRequest(o.service),
	}
	h.verdict = func(resp *nethttp.Response) error { return o.judge(h, resp) }
	return h, h.checkCredentials()
}

// Codes of gRPC that mean more than "not ready".
// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
const (
	grpcOK               = 0
	grpcNotFound         = 5
	grpcPermissionDenied = 7
	grpcUnimplemented    = 12
	grpcUnauthenticated  = 16
)

// grpcCodes are the names of the codes.
func grpcCodes() []string {
	return []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
		"UNAUTHENTICATED",
	}
}

// judge decides on an answer: its status of HTTP, its status of gRPC, and then the health that it has.
func (o *grpcOptions) judge(h *http, resp *nethttp.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
	switch {
	case err != nil:
		return err
	case resp.ProtoMajor != 2:
		return &usererr.Error{Text: "the server does not speak HTTP/2, which gRPC needs", Hint: "check that this port serves gRPC"}
	case resp.StatusCode == nethttp.StatusUnauthorized, resp.StatusCode == nethttp.StatusForbidden:
		return h.refused(statusReason(resp, "credentials refused"))
	case resp.StatusCode != nethttp.StatusOK:
		return statusReason(resp, "want gRPC")
	}
	code, err := grpcStatus(resp)
	if err != nil {
		return err
	}
	name := &usererr.Error{Text: fmt.Sprintf("answered gRPC status %d (%s)", code, grpcCodes()[code])}
	switch {
	case code == grpcOK:
		return healthOf(body)
	case code == grpcUnauthenticated, code == grpcPermissionDenied:
		name.Hint = "pass credentials with #header-file= or #password-file="
		return h.refused(name)
	case code == grpcUnimplemented && o.service == "" && h.spec.level < LevelState:
		return nil // it has no health service, so this is all that can be known
	case code == grpcUnimplemented:
		name.Text, name.Hint = "the server has no health service (grpc.health.v1.Health)", "check that this port serves it"
	case code == grpcNotFound:
		name.Text, name.Hint = "the server does not report the health of this service", "check the name in #service="
	}
	return name
}

// grpcStatus returns the code in the trailers of an answer, or in its headers where there is nothing else.
func grpcStatus(resp *nethttp.Response) (int, error) {
	const name = "Grpc-Status"
	text := resp.Trailer.Get(name)
	if text == "" {
		text = resp.Header.Get(name)
	}
	code, err := strconv.Atoi(text)
	if err != nil || code < 0 || code >= len(grpcCodes()) {
		return 0, &usererr.Error{Text: "answered status 200, but not as gRPC does", Hint: "check that this port serves gRPC", Err: err}
	}
	return code, nil
}
