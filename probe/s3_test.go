package probe_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// s3Site has one bucket, and one key by whose ID requests are signed. What a signature must be is tested where it is made,
// and against a real server.
func s3Site(bucket string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, secret)
		}
		login := r.Header.Get("Authorization")
		switch {
		case r.Method == http.MethodHead && login != "":
			refuse(400, "InvalidRequest") // proto signs nothing
		case login != "" && !strings.HasPrefix(login, "AWS4-HMAC-SHA256 Credential=AKIA/"):
			refuse(403, "InvalidAccessKeyId")
		case login != "" && r.Header.Get("X-Amz-Content-Sha256") == "":
			refuse(403, "SignatureDoesNotMatch")
		case r.URL.Path != "/"+bucket && r.Host != bucket+".s3.test":
			refuse(404, "NoSuchBucket")
		case login == "":
			refuse(403, "AccessDenied")
		default:
			_, _ = io.WriteString(w, "<ListBucketResult/>")
		}
	}
}

// s3Says refuses everything.
func s3Says(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-1")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, secret)
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	const login, wrong = "AKIA:" + secret + "@", "AKIX:" + secret + "@"
	for name, tt := range map[string]struct {
		site http.HandlerFunc
		user string
		rest string // of the query, and the fragment
		want verdict
		text string
	}{
		"state: exists":              {s3Site("models"), login, "", ready, ""},
		"state: unsigned":            {s3Site("models"), "", "", ready, ""},
		"state: missing":             {s3Site("other"), login, "", notYet, "the bucket does not exist (yet)"},
		"state: missing, unsigned":   {s3Site("other"), "", "", notYet, "does not exist"},
		"state: unknown key":         {s3Site("models"), wrong, "", rejected, "status 403: the key is refused"},
		"state: no right to list":    {s3Says(403, "AccessDenied"), login, "", ready, ""},
		"state: expired":             {s3Says(400, "ExpiredToken"), login, "", rejected, "session token has expired"},
		"state: wrong clock":         {s3Says(403, "RequestTimeTooSkewed"), login, "", notYet, "clocks"},
		"state: another region":      {s3Says(301, "PermanentRedirect"), login, "", notYet, "another region"},
		"state: a malformed region":  {s3Says(400, "AuthorizationHeaderMalformed"), login, "", notYet, "another region"},
		"state: starting":            {s3Says(503, "XMinioServerNotInitialized"), login, "", notYet, "status 503"},
		"state: a proxy refuses":     {s3Says(403, secret), login, "", rejected, "refused"},
		"state: a proxy, unsigned":   {s3Says(403, secret), "", "", ready, ""},
		"state: another server":      {http.NotFound, login, "", notYet, "status 404: not found"},
		"state: not S3":              {s3Says(405, secret), login, "", notYet, "not as S3 does"},
		"proto: up":                  {s3Site("models"), "", "#level=proto", ready, ""},
		"proto: missing":             {s3Site("other"), login, "#level=proto", ready, ""},
		"proto: unknown key":         {s3Site("models"), wrong, "#level=proto", ready, ""},
		"proto: starting":            {s3Says(503, ""), "", "#level=proto", notYet, "status 503"},
		"tcp: open":                  {s3Says(503, ""), "", "#level=tcp", ready, ""},
		"state: bucket in the host":  {s3Site("models"), login, "&use_path_style=false", notYet, "not found"},
		"state: with another region": {s3Site("models"), login, "&region=eu-west-1&s3ForcePathStyle=true", ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tt.site)
			t.Cleanup(s.Close)
			endpoint := s.URL
			if strings.Contains(tt.rest, "use_path_style=false") {
				endpoint = "http://invalid." // so that models.invalid is asked
			}
			check(t, "s3://"+tt.user+"models?endpoint="+endpoint+tt.rest, tt.want, tt.text)
		})
	}
}

func TestS3RegionHint(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(s3Says(301, "PermanentRedirect"))
	t.Cleanup(s.Close)
	err := attempt(t, "s3://models?endpoint="+s.URL)
	if hint := probe.Hint(err); hint != "add ?region=eu-central-1" {
		t.Errorf("hint %q", hint)
	}
}

func TestS3Faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server simserver.Handler
		want   verdict
		text   string
	}{
		"silent":   {simserver.Silent, notYet, "sent nothing"},
		"hangs up": {simserver.HangUp, notYet, "without an answer"},
		"garbage":  {replies("\x00\x01\x02\x03\r\n\r\n"), notYet, "not understood"},
		"long":     {replies("HTTP/1.1 403 Forbidden\r\n\r\n<Code>" + strings.Repeat(secret, 1<<20)), notYet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := "?endpoint=http://" + serve(t, tt.server)
			if name == "long" {
				check(t, "s3://AKIA:"+secret+"@models"+endpoint, rejected, "the key is refused")
				return
			}
			check(t, "s3://models"+endpoint, tt.want, tt.text)
		})
	}
}

// TestS3Environment takes what a URL does not say from the environment.
func TestS3Environment(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(s3Site("models"))
	t.Cleanup(s.Close)
	variables := map[string]string{
		"AWS_ENDPOINT_URL": s.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIX", "AWS_SECRET_ACCESS_KEY": secret,
		"AWS_SESSION_TOKEN": secret,
	}
	options := func() probe.Options {
		var env []string
		for name, value := range variables {
			env = append(env, name+"="+value)
		}
		return probe.Options{Env: env}
	}
	probeOnce := func(raw string) error { return open(t, raw, options()).Probe(t.Context()) }
	checkVerdict(t, probeOnce("s3://models"), rejected, "the key is refused")
	file := secretFile(t, secret+"\n")
	checkVerdict(t, probeOnce("s3://AKIA@models#password-file="+escape(file)), ready, "")
	remove(t, file)
	checkVerdict(t, probeOnce("s3://AKIA@models#password-file="+escape(file)), notYet, "does not exist yet")
	variables["AWS_ACCESS_KEY_ID"] = "AKIA"
	checkVerdict(t, probeOnce("s3://models"), ready, "")
	variables["AWS_SESSION_TOKEN"] = "a\nb" + secret
	checkVerdict(t, probeOnce("s3://models"), notYet, "characters that a header cannot have")
	for name, want := range map[string]string{"AWS_SECRET_ACCESS_KEY": "need each other", "AWS_ENDPOINT_URL": "AWS_ENDPOINT_URL is not a URL"} {
		before := variables[name]
		variables[name] = map[string]string{"AWS_ENDPOINT_URL": secret}[name]
		_, err := probe.Open("s3://models", options())
		checkVerdict(t, err, notYet, want)
		variables[name] = before
	}
}

func TestS3URL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"s3://minio:9000/models":                         "a bucket has no port",
		"s3://AKIA:12345/" + secret + "@models":          "a bucket has no port",
		"s3:///models":                                   "want the name of a bucket",
		"s3://models/v1":                                 "remove the path",
		"s3://models?endpoint=minio:9000":                "not a URL such as",
		"s3://models?endpoint=http://u:" + secret + "@h": "",
		"s3://models?region=x/" + secret:                 "the region is not one",
		"s3://models?acl=" + secret:                      `unknown query key "acl"`,
		"s3://:" + secret + "@models":                    "needs the ID of the key",
		"s3://AKIA@models":                               "needs its secret",
		"s3://models#level=auth":                         "no level auth",
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	for raw, want := range map[string]string{
		"s3://models": "s3://models s3 state",
		"s3://AKIA:" + secret + "@models?region=eu-west-1&endpoint=http://minio:9000": "s3://models?region=eu-west-1&endpoint=http://minio:9000 s3 state",
		"s3://models#level=tcp": "s3://models s3 tcp",
	} {
		target := open(t, raw, probe.Options{})
		if got := fmt.Sprint(target.Name, " ", target.Kind, " ", target.Level); got != want {
			t.Errorf("Open(%q): %s, want %s", raw, got, want)
		}
	}
}

// TestS3Hosts reads at a proxy which host is asked.
func TestS3Hosts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"s3://models?region=eu-west-1":                              "models.s3.eu-west-1.amazonaws.com:443",
		"s3://models":                                               "models.s3.us-east-1.amazonaws.com:443",
		"s3://models?region=cn-north-1":                             "models.s3.cn-north-1.amazonaws.com.cn:443",
		"s3://models.v2":                                            "s3.us-east-1.amazonaws.com:443",
		"s3://models?endpoint=https://minio:9000":                   "minio:9000",
		"s3://models?endpoint=https://minio&force_path_style=false": "models.minio:443",
	} {
		asked := make(chan string, 1)
		proxy := serve(t, func(c net.Conn) {
			if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				asked <- req.Method + " " + req.Host
			}
		})
		target := open(t, raw, probe.Options{Proxy: &url.URL{Scheme: "http", Host: proxy}})
		checkVerdict(t, target.Probe(t.Context()), notYet, "")
		if got := <-asked; got != "CONNECT "+want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// FuzzS3Answer sends any bytes as the body of a refusal.
func FuzzS3Answer(f *testing.F) {
	f.Add(403, "<Error><Code>AccessDenied</Code></Error>")
	f.Add(404, "<Error><Code>NoSuchBucket</Code></Error>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		address := serve(t, func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 %d X\r\nConnection: close\r\n\r\n%s", status, body)
			}
		})
		err := attemptWithin(t, "s3://AKIA:"+secret+"@models?endpoint=http://"+address, 100*time.Millisecond)
		if err == nil && status >= 300 && !strings.Contains(body, "AccessDenied") {
			t.Errorf("ready after %d %q", status, body)
		}
	})
}
