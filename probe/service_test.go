package probe_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inith/inith/probe"
)

// page is what a service answers at a path: with its query, if it is asked for.
type page struct {
	path   string
	status int
	body   string
}

// serviceSite is a server made from a service's documentation. Without a token, a path that
// begins with "!" answers 401.
func serviceSite(pages []page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		known := password == secret || r.Header.Get("Authorization") == "Bearer "+secret
		for _, p := range pages {
			path, guarded := strings.CutPrefix(p.path, "!")
			switch {
			case path != r.URL.RequestURI():
				continue
			case guarded && !known:
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, r.Header.Get("Authorization")) // not to be shown
			default:
				w.WriteHeader(p.status)
				_, _ = io.WriteString(w, p.body)
			}
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
}

const (
	models     = `{"object":"list","data":[{"id":"base","object":"model"},{"id":"org/chat:7b","object":"model"}]}`
	esHealth   = "/_cluster/health?master_timeout=1s"
	vaultUp    = "/v1/sys/health?standbyok=true&perfstandbyok=true"
	login      = ":" + secret + "@"
	wrongLogin = ":x" + secret + "@"
)

func TestServices(t *testing.T) {
	t.Parallel()
	ok := func(path, body string) []page { return []page{{path, 200, body}} }
	for _, tt := range []struct {
		kind  string
		pages []page
		user  string
		rest  string // after the host
		want  verdict
		text  string
	}{
		{"elasticsearch", ok(esHealth, `{"status":"green"}`), "", "", ready, ""},
		{"elasticsearch", ok(esHealth, `{"status":"yellow"}`), "", "", ready, ""},
		{"elasticsearch", ok(esHealth, `{"status":"red"}`), "", "", notYet, "health of the cluster is red"},
		{"elasticsearch", ok(esHealth, `{"status":"yellow"}`), "", "#health=yellow", ready, ""},
		{"elasticsearch", ok(esHealth, `{"status":"yellow"}`), "", "#health=green", notYet, "not green"},
		{"elasticsearch", ok(esHealth, `{"status":"green"}`), "", "#health=green", ready, ""},
		{"elasticsearch", ok(esHealth, `{}`), "", "", notYet, "health"},
		{"elasticsearch", ok(esHealth, secret), "", "", notYet, "not JSON"},
		{"elasticsearch", []page{{esHealth, 503, `{"error":"master_not_discovered_exception"}`}}, "", "", notYet, "status 503"},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "", "", ready, ""},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "elastic" + login, "", ready, ""},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "elastic" + wrongLogin, "", rejected, "status 401"},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "elastic" + wrongLogin, "#level=proto", ready, ""},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "elastic" + wrongLogin, "#health=green", rejected, "status 401"},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "", "#health=green", notYet, "status 401"},
		{"elasticsearch", ok("!"+esHealth, `{"status":"green"}`), "", "#level=auth", rejected, "status 401"},
		{"elasticsearch", ok("/es"+esHealth, `{"status":"green"}`), "", "/es/", ready, ""},
		{"opensearch", ok("/_cluster/health", `{"status":"yellow"}`), "", "", ready, ""},
		{"opensearch", ok("/_cluster/health", `{"status":"yellow"}`), "", "#health=green", notYet, "not green"},
		{"etcd", ok("/health", `{"health":"true","reason":""}`), "", "", ready, ""},
		{"etcd", ok("/health", `{"health":true}`), "", "", ready, ""},
		{"etcd", ok("/health", `{"health":"false"}`), "", "", notYet, "not healthy"},
		{"etcd", []page{{"/health", 503, `{"health":"false"}`}}, "", "", notYet, "not healthy"},
		{"vllm", ok("/health", ""), "", "", ready, ""},
		{"vllm", []page{{"/health", 503, ""}}, "", "", notYet, "status 503"},
		{"vllm", ok("/health", ""), "", "#model=base", notYet, "status 404"},
		{"vllm", ok("/v1/models", models), "", "#model=base", ready, ""},
		{"vllm", ok("/v1/models", models), "", "/v1#model=org%2Fchat:7b", ready, ""},
		{"vllm", ok("/v1/models", models), "", "#model=chat", notYet, "not loaded"},
		{"vllm", ok("/v1/models", `{"data":[]}`), "", "#model=base", notYet, "not loaded"},
		{"vllm", ok("!/v1/models", models), login, "", ready, ""},
		{"vllm", ok("!/v1/models", models), wrongLogin, "", rejected, "status 401"},
		{"vllm", ok("!/v1/models", models), wrongLogin, "#model=base", rejected, "status 401"},
		{"tgi", ok("/health", ""), "", "", ready, ""},
		{"tgi", ok("/info", `{"model_id":"org/chat"}`), "", "#model=org/chat", ready, ""},
		{"tgi", ok("/info", `{"model_id":"org/other"}`), "", "#model=org/chat", notYet, "not loaded"},
		{"triton", ok("/v2/health/ready", ""), "", "", ready, ""},
		{"triton", []page{{"/v2/health/ready", 400, ""}}, "", "", notYet, "status 400"},
		{"triton", ok("/v2/models/a%2Fb/ready", ""), "", "#model=a%2Fb", ready, ""},
		{"triton", []page{{"/v2/models/a/ready", 400, ""}}, "", "#model=a", notYet, "not loaded"},
		{"ollama", ok("/api/version", `{"version":"0.11.2"}`), "", "", ready, ""},
		{"ollama", ok("/api/version", `{}`), "", "", notYet, ""},
		{"ollama", ok("/api/tags", `{"models":[{"name":"llama3:latest"}]}`), "", "#model=llama3", ready, ""},
		{"ollama", ok("/api/tags", `{"models":[{"name":"llama3:8b"}]}`), "", "#model=llama3", notYet, "not loaded"},
		{"ollama", ok("/api/tags", `{"models":[{"name":"llama3:8b"}]}`), "", "#model=llama3:8b", ready, ""},
		{"ollama", ok("/api/tags", `{"models":null}`), "", "#model=llama3", notYet, "not loaded"},
		{"openai+http", ok("!/v1/models", models), "", "", ready, ""},
		{"openai+http", ok("!/v1/models", models), login, "", ready, ""},
		{"openai+http", ok("!/v1/models", models), wrongLogin, "", rejected, "status 401"},
		{"openai+http", ok("/v1beta/openai/models", models), "", "/v1beta/openai#model=base", ready, ""},
		{"openai+http", ok("/v1/models", models), "", "#model=gone", notYet, "not loaded"},
		{"qdrant", ok("/readyz", "all shards are ready"), "", "", ready, ""},
		{"qdrant", []page{{"/readyz", 503, "some shards are not ready"}}, "", "", notYet, "status 503"},
		{"qdrant", ok("!/collections", "{}"), login, "", ready, ""},
		{"qdrant", ok("!/collections", "{}"), wrongLogin, "", rejected, ""},
		{"weaviate", ok("/v1/.well-known/ready", ""), "", "", ready, ""},
		{"weaviate", ok("!/v1/meta", "{}"), login, "", ready, ""},
		{"milvus", ok("/healthz", "OK"), "", "", ready, ""},
		{"milvus", []page{{"/healthz", 500, `{"state":"component not ready"}`}}, "", "", notYet, "status 500"},
		{"chroma", ok("/api/v2/heartbeat", `{"nanosecond heartbeat":1764270000000000000}`), "", "", ready, ""},
		{"chroma", ok("/api/v2/heartbeat", `{}`), "", "", notYet, ""},
		{"clickhouse", ok("/ping", "Ok.\n"), "", "", ready, ""},
		{"clickhouse", ok("/ping", "<html>"), "", "", notYet, "not as this service does"},
		{"clickhouse", ok("!/?query=SELECT%201&database=app", "1\n"), "app" + login, "/app", ready, ""},
		{"clickhouse", ok("!/?query=SELECT%201", "1\n"), "app" + login, "", ready, ""},
		{"clickhouse", ok("!/?query=SELECT%201", "1\n"), "app" + wrongLogin, "", rejected, "status 401"},
		{"clickhouse", []page{{"/?query=SELECT%201&database=app", 404, "Code: 81. UNKNOWN_DATABASE"}}, "app" + login, "/app", notYet, "database does not exist"},
		{"clickhouse", ok("/ping", "Ok.\n"), "", "/app", ready, ""},
		{"influxdb", []page{{"/ping", 204, ""}}, "", "", ready, ""},
		{"influxdb", []page{{"/ping", 401, ""}}, "", "", ready, ""}, // version 3 asks for a token
		{"influxdb", []page{{"/ping", 503, ""}}, "", "", notYet, "status 503"},
		{"vault", ok(vaultUp, "{}"), "", "", ready, ""},
		{"vault", []page{{vaultUp, 503, ""}}, "", "", notYet, "sealed"},
		{"vault", []page{{vaultUp, 501, ""}}, "", "", notYet, "not initialized"},
		{"vault", ok(vaultUp, "{}"), "", "/v1", ready, ""},
		{"vault", ok("/v1/sys/health", "{}"), "", "#active", ready, ""},
		{"vault", []page{{"/v1/sys/health", 429, ""}}, "", "#active", notYet, "standby"},
		{"consul", ok("/v1/status/leader", `"10.1.10.12:8300"`), "", "", ready, ""},
		{"consul", ok("/v1/status/leader", `""`), "", "", notYet, "no leader"},
		{"consul", []page{{"/v1/status/leader", 500, "No cluster leader"}}, "", "", notYet, "status 500"},
		{"consul", []page{{"!/v1/status/leader", 200, `"x"`}}, "", "", ready, ""},
		{"consul", []page{{"!/v1/status/leader", 200, `"x"`}}, wrongLogin, "", rejected, "status 401"},
	} {
		t.Run(fmt.Sprintf("%s %s %s", tt.kind, tt.rest, tt.text), func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(serviceSite(tt.pages))
			defer s.Close()
			check(t, tt.kind+"://"+tt.user+strings.TrimPrefix(s.URL, "http://")+tt.rest, tt.want, tt.text)
		})
	}
}

// TestServicesByTLS asks each service over TLS: its first question is answered by 401 or 404.
func TestServicesByTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	tried := 0
	for _, k := range probe.Kinds() {
		for _, scheme := range append(k.Aliases, k.Name) {
			if strings.HasSuffix(scheme, "+https") || scheme == "openai" {
				tried++
				base := scheme + "://" + s.Listener.Addr().String()
				checkVerdict(t, attempt(t, base+"#insecure-skip-tls-verify"), notYet, "status 404")
				checkVerdict(t, attempt(t, base), notYet, "unknown authority")
			}
		}
	}
	if tried != 17 {
		t.Errorf("%d schemes over TLS, want 17", tried)
	}
}

func TestServicesOpen(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"elasticsearch://es":            "elasticsearch://es:9200 elasticsearch proto",
		"elasticsearch+https://u@es":    "elasticsearch+https://es:9200 elasticsearch auth",
		"opensearch://es#health=green":  "opensearch://es:9200 opensearch state",
		"tgi://m":                       "tgi://m:80 tgi proto",
		"tgi+https://m":                 "tgi+https://m:443 tgi proto",
		"openai://api#password-file=/k": "openai://api:443 openai auth",
		"openai+https://api":            "openai+https://api:443 openai proto",
		"openai+http://api":             "openai+http://api:80 openai proto",
		"clickhouse+https://c":          "clickhouse+https://c:8443 clickhouse proto",
		"consul+https://c":              "consul+https://c:8501 consul proto",
		"vault://v#level=tcp":           "vault://v:8200 vault tcp",
		"etcd://[::1]":                  "etcd://[::1]:2379 etcd proto",
	} {
		target := open(t, raw, probe.Options{})
		if got := fmt.Sprint(target.Name, " ", target.Kind, " ", target.Level); got != want {
			t.Errorf("Open(%q): %s, want %s", raw, got, want)
		}
	}
	for raw, want := range map[string]string{
		"etcd://e#level=auth":                 "no level auth",
		"etcd://e#level=state":                "no level state",
		"elasticsearch://es?pretty":           "query key",
		"elasticsearch://es#health=blue":      "not green or yellow",
		"vault://v#active=standby":            "not true",
		"elasticsearch://es#password-file=/x": "needs a user",
		"http://es#password-file=/x":          "needs a user",
		"vllm+http://m":                       "not supported",
		"vllm+grpc://m":                       "not supported",
		"consul:///":                          "missing host",
	} {
		if _, err := probe.Open(raw, probe.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", raw, err, want)
		}
	}
}

// TestServicesBearer has a token in a file: the URL needs no user.
func TestServicesBearer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(serviceSite([]page{{"!/v1/models", 200, models}}))
	t.Cleanup(s.Close)
	base := strings.Replace(s.URL, "http", "vllm", 1) + "#password-file="
	checkVerdict(t, attempt(t, base+escape(secretFile(t, secret))), ready, "")
	checkVerdict(t, attempt(t, base+escape(secretFile(t, "x"+secret))), rejected, "status 401")
	checkVerdict(t, attempt(t, base+escape(secretFile(t, "a\r\n"+secret))), notYet, "characters that a header cannot have")
	checkVerdict(t, attempt(t, base+"/nonexistent"), notYet, "does not exist yet")
}

// TestServicesAnswerIsBounded sends more than a list of models ever is.
func TestServicesAnswerIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, httpAnswer(`{"data":[`+strings.Repeat(" ", 4<<20)+`]}`))
	check(t, "vllm://"+s+"#model=x", notYet, "longer than 4 MiB")
}
