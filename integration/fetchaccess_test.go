package integration_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// TestFetchAccess fetches where the origin, or a proxy before it, wants to know who
// asks. What proves it is in files, and is not shown.
func TestFetchAccess(t *testing.T) {
	t.Parallel()
	f := &fetching{origin: startOrigin(t, "0"), tag: buildInith(t)}
	f.sum = f.put(t, modelsHost, "model.bin", 5<<20)
	f.put(t, mirrorHost, "model.bin", 5<<20)
	for _, tt := range []struct {
		name, path, file, option string
		refused                  string // without it
	}{
		{"header file", "/header/model.bin", "Private-Token: " + password + "\n", "--header-file=/secret", "answered status 403"},
		{"bearer file", "/bearer/model.bin", password + "\n", "--bearer-file=/secret", "answered status 401"},
		{"basic auth", "/basic/model.bin", password + "\n", "--password-file=/secret", "answered status 401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			link := "https://app@" + modelsHost + tt.path
			if tt.name == "bearer file" { // it is another Authorization
				link = "https://" + modelsHost + tt.path
			}
			f.wantRefused(t, nil, tt.refused, link)
			f.wantRefused(t, []string{mountFile(t, "/secret", strings.ReplaceAll(tt.file, password, wrongPassword))}, tt.refused, link, tt.option)
			f.wantModel(t, []string{mountFile(t, "/secret", tt.file)}, link, tt.option)
		})
	}
	t.Run("URL in a file", func(t *testing.T) {
		t.Parallel()
		link := "https://app:" + url.PathEscape(password) + "@" + modelsHost + "/basic/model.bin?token=" + url.QueryEscape(password)
		f.wantModel(t, []string{mountFile(t, "/url", link), "--env=MODEL_URL_FILE=/url"}, "--from-env=MODEL_URL")
	})
	t.Run("redirected", func(t *testing.T) {
		t.Parallel()
		// The other host would take the token, and must not get it.
		f.wantRefused(t, []string{mountFile(t, "/secret", password)}, "answered status 401", "https://"+modelsHost+"/moved/model.bin", "--bearer-file=/secret")
	})
	t.Run("proxy", f.testProxy)
}

// wantRefused runs inith without, or with the wrong, credentials.
func (f *fetching) wantRefused(t *testing.T, options []string, cause string, args ...string) {
	t.Helper()
	volume := newVolume(t)
	r := runContainer(t, f.run(t, f.tag, volume, options, append(args, "/models/model.bin", "--sha256="+f.sum, "--log-level=debug")...)...)
	if r.code != 1 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 1 and nothing", r.code, r.stdout)
	}
	hasAll(t, r.stderr, "inith: error: fetch http", cause, "hint: ")
	hasNoSecret(t, r.stderr)
	if files := inVolume(t, volume, "0", "find", "/models", "-type", "f"); files != "" {
		t.Errorf("left behind: %q", files)
	}
}

// wantModel runs inith with what it needs. Neither its log nor what it leaves
// behind has a secret.
func (f *fetching) wantModel(t *testing.T, options []string, args ...string) {
	t.Helper()
	volume := newVolume(t)
	wantFetched(t, runContainer(t, f.run(t, f.tag, volume, options, append(args, "/models/model.bin", "--sha256="+f.sum, "--json", "--log-level=debug")...)...))
	wantModel(t, volume, "/models/model.bin", f.sum)
	hasNoSecret(t, inVolume(t, volume, "0", "sh", "-c", "cat /models/.inith/*/*"))
}

// testProxy reaches the origin through HAProxy, which can pass on requests for
// http, and cannot CONNECT.
func (f *fetching) testProxy(t *testing.T) {
	t.Parallel()
	startImage(t, "haproxy", tcnetwork.WithNetwork([]string{"proxy"}, f.network), file("/usr/local/etc/haproxy/haproxy.cfg", fmt.Sprintf(`
defaults
	mode http
	timeout connect 5s
	timeout client 1m
	timeout server 1m
userlist people
	user app insecure-password "%s"
frontend proxy
	bind :3128
	option http-use-proxy-header
	http-request auth realm models unless { http_auth(people) }
	http-request set-header X-Proxy haproxy
	default_backend origin
backend origin
	server origin %s:80
`, password, modelsHost)))
	const link = "http://" + modelsHost + "/proxied/model.bin"
	f.wantRefused(t, nil, "answered status 403", link)
	f.wantRefused(t, []string{"--env=HTTP_PROXY=http://proxy:3128"}, "answered status 407", link)
	proxy := "http://app:" + url.PathEscape(password) + "@proxy:3128\n"
	f.wantModel(t, []string{mountFile(t, "/proxy", proxy), "--env=PROXY_FILE=/proxy"}, "--proxy-from-env=PROXY", link)
	f.wantModel(t, []string{"--env=HTTP_PROXY=" + strings.TrimSpace(proxy)}, link)
}
