package integration_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// services are the kinds that are asked over HTTP. Those without a real server are documented: nginx answers as their documentation
// says, which shows how inith behaves, and not that the documentation is right.
func services() []kind {
	return []kind{
		{
			name:   "etcd",
			target: func(_ *testing.T, addr, _ string) string { return "etcd://" + addr },
			start:  startEtcd,
			use:    useEtcd,
			holds:  etcdHolds,
			// A member without a quorum accepts, and says as little as one that hangs.
		},
		{
			name: "etcd", variant: "+https",
			target: func(t *testing.T, addr, _ string) string {
				t.Helper()
				return "etcd+https://" + addr + "#ca-file=" + caFile(t)
			},
			noPassword: true,
			start:      startEtcdTLS,
			use:        useEtcdTLS,
		},
		{
			name:   "clickhouse",
			target: clickHouseTarget,
			start:  startClickHouse,
			use:    useClickHouse,
			// A server that is starting does not listen.
		},
		{
			name:   "influxdb",
			target: func(_ *testing.T, addr, _ string) string { return "influxdb://" + addr },
			start:  startInfluxDB,
			use:    useInfluxDB,
			// A server that is starting does not listen.
		},
		documented{"elasticsearch", "app:", "/_cluster/health", `{"status":"green","timed_out":false}`}.kind(),
		documented{"opensearch", "app:", "/_cluster/health", `{"status":"yellow","timed_out":false}`}.kind(),
		documented{"vllm", ":", "/v1/models", `{"object":"list","data":[{"id":"model"}]}`}.kind(),
		documented{"tgi", "", "/health", ""}.kind(),
		documented{"triton", "", "/v2/health/ready", ""}.kind(),
		documented{"ollama", "", "/api/version", `{"version":"0.11.2"}`}.kind(),
		documented{"openai", ":", "/v1/models", `{"object":"list","data":[{"id":"model"}]}`}.kind(),
		documented{"qdrant", ":", "/collections", `{"result":{"collections":[]},"status":"ok"}`}.kind(),
		documented{"weaviate", ":", "/v1/meta", `{"version":"1.32.0"}`}.kind(),
		documented{"milvus", "", "/healthz", "OK"}.kind(),
		documented{"chroma", "", "/api/v2/heartbeat", `{"nanosecond heartbeat":1764270000000000000}`}.kind(),
		documented{"vault", "", "/v1/sys/health", `{"initialized":true,"sealed":false,"standby":false}`}.kind(),
		documented{"consul", "", "/v1/status/leader", `"10.1.10.12:8300"`}.kind(),
	}
}

// documented is a service as its documentation describes it.
type documented struct {
	name string
	user string // what is before the password in the URL: "app:" is basic authentication, ":" a bearer token, "" is none
	path string // of the question that inith asks by default
	body string // of its answer
}

func (d documented) kind() kind {
	return kind{
		name:   d.name,
		target: d.target,
		start:  func(t *testing.T, addr string) *server { t.Helper(); return d.start(t, addr, up()) },
		use:    d.use,
		starting: func(t *testing.T, addr string) func() {
			t.Helper()
			s := d.start(t, addr)
			return func() { s.exec(t, "", "touch", "/tmp/ready") }
		},
		startingLevels: []probe.Level{probe.LevelProto},
	}
}

func (d documented) scheme() string {
	if d.name == "openai" {
		return "openai+http"
	}
	return d.name
}

func (d documented) target(_ *testing.T, addr, pw string) string {
	if d.user == "" {
		return d.scheme() + "://" + addr
	}
	return d.scheme() + "://" + d.user + escape(pw) + "@" + addr
}

// authorization is the header by which a client logs in.
func (d documented) authorization() string {
	switch d.user {
	case "":
		return ""
	case ":":
		return "Bearer " + password
	default:
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(d.user+password))
	}
}

// start starts nginx as the service: it answers 503 until there is a file /tmp/ready, and 401 without the password.
func (d documented) start(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "nginx", append([]testcontainers.ContainerCustomizer{
		file("/etc/nginx/nginx.conf", fmt.Sprintf(`
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	server {
		listen %s;
		if (!-e /tmp/ready) { return 503; }
		location = %s {
			if ($http_authorization != %q) { return 401; }
			return 200 '%s';
		}
		location ~ ^/(ping|health|readyz|v1/.well-known/ready)$ { return 200 'Ok.'; } # needs no login
	}
}
`, addr, d.path, d.authorization(), d.body)),
	}, opts...)...)
}

func (d documented) use(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+d.path, http.NoBody)
	if err != nil {
		return err
	}
	if d.user != "" {
		req.Header.Set("Authorization", d.authorization())
	}
	return answered(&http.Transport{DisableKeepAlives: true}, req, d.body)
}

// answered sends a request, and checks that the answer has a text.
func answered(by http.RoundTripper, req *http.Request, want string) error {
	resp, err := by.RoundTrip(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
		return fmt.Errorf("answered status %d: %q", resp.StatusCode, body)
	}
	return nil
}

// startEtcd starts a cluster of one member.
func startEtcd(t *testing.T, addr string) *server {
	t.Helper()
	return runEtcd(t, "http://"+addr)
}

func startEtcdTLS(t *testing.T, addr string) *server {
	t.Helper()
	return runEtcd(t, "https://"+addr, withCertificate(t), testcontainers.WithCmdArgs("--cert-file=/tls.crt", "--key-file=/tls.key"))
}

func runEtcd(t *testing.T, client string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	peer := "http://" + freeAddr(t)
	return startServer(t, "etcd", append([]testcontainers.ContainerCustomizer{testcontainers.WithCmd("etcd", "--data-dir=/tmp/etcd",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)}, opts...)...)
}

func useEtcd(ctx context.Context, addr string) error {
	return putEtcd(ctx, "http://"+addr, &http.Transport{DisableKeepAlives: true})
}

func useEtcdTLS(ctx context.Context, addr string) error {
	return putEtcd(ctx, "https://"+addr, &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting()})
}

// putEtcd writes a key through the gateway of the API.
func putEtcd(ctx context.Context, base string, by http.RoundTripper) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	const put = `{"key":"dXNlZA==","value":"MQ=="}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v3/kv/put", bytes.NewReader([]byte(put)))
	if err != nil {
		return err
	}
	return answered(by, req, "revision")
}
