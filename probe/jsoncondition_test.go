package probe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inith/inith/probe"
)

// jsonSite answers each path with what its query says.
func jsonSite(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Query().Get("say")))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTPJSON(t *testing.T) {
	t.Parallel()
	site := jsonSite(t)
	const status = `{"status":{"ready":true,"phase":"Up \"now\"","n":3,"x.y/z":"v","none":null},"items":[{"id":"a"},{"id":"b","n":1.0}],"s":"true"}`
	for _, tt := range []struct {
		body, condition string
		want            verdict
		text            string
	}{
		{status, ".status.ready==true", ready, ""},
		{status, ".status.ready == true", ready, ""},
		{status, `.status.ready=="true"`, ready, ""},
		{status, ".status.ready==false", notYet, "does not meet the condition"},
		{status, ".status.ready!=true", notYet, "does not meet the condition"},
		{status, ".status.ready!=false", ready, ""},
		{status, ".status.gone==true", notYet, "no value where the condition looks"},
		{status, ".status.gone!=true", notYet, "no value where the condition looks"},
		{status, ".status.ready.deeper==true", notYet, "no value"},
		{status, ".items.id==a", notYet, "no value"},
		{status, ".status[0]==true", notYet, "no value"},
		{status, `.status.phase=="Up \"now\""`, ready, ""},
		{status, `.status.phase==Up "now"`, ready, ""},
		{status, `.status["x.y/z"]==v`, ready, ""},
		{status, ".status.none==null", ready, ""},
		{status, ".status.n>=3", ready, ""},
		{status, ".status.n<=2", notYet, "does not meet"},
		{status, ".status.n>=4", notYet, "does not meet"},
		{status, ".status.n==3.0", ready, ""},
		{status, ".items[1].id==b", ready, ""},
		{status, ".items[2].id==b", notYet, "no value"},
		{status, ".items[*].id==b", ready, ""},
		{status, ".items[*].id==c", notYet, "does not meet"},
		{status, ".items[*].id!=c", ready, ""},
		{status, ".items[*].id!=b", notYet, "does not meet"},
		{status, ".items[1].n==1", ready, ""},
		{status, ".s==true", ready, ""},
		{`["x"]`, "[0]==x", ready, ""},
		{`"ready"`, ".==ready", ready, ""},
		{`9007199254740993`, ".==9007199254740992", notYet, "does not meet"},
		{`{"a":1}{"a":2}`, ".a==1", notYet, "not JSON"},
		{`{"a":1`, ".a==1", notYet, "not JSON"},
		{secret, ".a==1", notYet, "not JSON"},
		{"", ".a==1", notYet, "not JSON"},
		{strings.Repeat("[", 20000), ".a==1", notYet, "not JSON"},
	} {
		raw := site + "/?say=" + strings.ReplaceAll(escape(tt.body), "&", "%26") + "#json=" + escape(tt.condition)
		if tt.body[:min(2, len(tt.body))] == "[[" {
			raw = "http://" + serve(t, httpAnswer(tt.body)) + "#json=" + escape(tt.condition)
		}
		t.Run(tt.condition, func(t *testing.T) {
			t.Parallel()
			check(t, raw, tt.want, tt.text)
		})
	}
}

// TestHTTPJSONAndBody has conditions on one body, which comes once.
func TestHTTPJSONAndBody(t *testing.T) {
	t.Parallel()
	base := jsonSite(t) + "/?say=" + escape(`{"a":1,"b":2}`)
	check(t, base+"#json=.a==1&body=%22b%22", ready, "")
	check(t, base+"#json=.a==1&body=%22c%22", notYet, "does not match")
	check(t, base+"#json=.a==2&body=%22b%22", notYet, "does not meet")
	check(t, base+"#json=.a==1&status=404", notYet, "status 200, want 404")
}

// TestHTTPJSONIsBounded has a body that is JSON, but longer than what is read of it.
func TestHTTPJSONIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, httpAnswer(`{"a":1,"b":"`+strings.Repeat("x", 1<<20)+`"}`))
	check(t, "http://"+s+"#json=.a==1", notYet, "longer than 1 MiB")
}

func TestHTTPJSONConditions(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{"", "a==1", ".a", ".a=1", ".a.==1", "..a==1", ".a[x]==1", ".a[-1]==1", ".a>1", ".a>=x", ".a>=NaN", `.a["b==1`, "==1", secret} {
		_, err := probe.Open("http://h/#json="+escape(condition), probe.Options{})
		if err == nil || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%q: %v", condition, err)
		}
	}
	if _, err := probe.Open("http://h/#method=HEAD&json=.a==1", probe.Options{}); err == nil {
		t.Error("HEAD has no body to compare")
	}
}

// FuzzJSONAnswer compares values of any bytes.
func FuzzJSONAnswer(f *testing.F) {
	f.Add(`{"a":[{"b":1}]}`, ".a[*].b==1")
	f.Add(`"x"`, `.["a"]!=x`)
	f.Add(`[[1e999]]`, "[0][*]>=1")
	f.Fuzz(func(t *testing.T, body, condition string) {
		raw := "http://" + serve(t, httpAnswer(body)) + "#json=" + escape(condition)
		target, err := probe.Open(raw, probe.Options{})
		if err != nil {
			return
		}
		_ = target.Probe(t.Context())
	})
}
