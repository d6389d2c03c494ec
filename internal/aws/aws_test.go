package aws_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/aws"
	"github.com/inith/inith/internal/testing/bucketserver"
	"github.com/inith/inith/internal/usererr"
)

const secret = "s3cr3t/+"

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func start(t *testing.T) *bucketserver.Server {
	t.Helper()
	s := bucketserver.Start()
	s.IdentityToken, s.AgentToken = "id3ntity", "ag3nt"
	t.Cleanup(s.Close)
	return s
}

func login(p aws.Places) *aws.Login { return aws.NewLogin(p, "us-east-1", &http.Transport{}) }

// TestPlaces finds credentials in each place, in their order.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s := start(t)
	credentials := write(t, "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key="+secret+"\n# x\n[other]\naws_access_key_id=AKIAOTHER\n"+
		"s3 =\n  aws_access_key_id = no\naws_secret_access_key=x\naws_session_token=t\n")
	config := write(t, "[profile irsa]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = "+write(t, "id3ntity\n")+"\n"+
		"[profile config]\naws_access_key_id=AKIACONFIG\naws_secret_access_key=x\n[profile process]\ncredential_process = /bin/"+secret+"\n")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte("[default]\naws_access_key_id=AKIAHOME\naws_secret_access_key=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := aws.Places{KeyID: "AKIAENV", Secret: secret, Token: "t", CredentialsFile: credentials, WebIdentityTokenFile: "/none", ContainerURI: "http://x"}
	irsa := aws.Places{
		WebIdentityTokenFile: write(t, "id3ntity\n"), RoleARN: "arn:aws:iam::1:role/x", STSEndpoint: s.URL, CredentialsFile: credentials,
	}
	for name, c := range map[string]struct {
		places aws.Places
		want   string
	}{
		"environment first":            {env, "AKIAENV"},
		"then the token of a cluster":  {irsa, "ASIA"},
		"a shared file":                {aws.Places{CredentialsFile: credentials, ContainerURI: "http://x"}, "AKIADEFAULT"},
		"another profile":              {aws.Places{CredentialsFile: credentials, Profile: "other"}, "AKIAOTHER"},
		"a profile of the config file": {aws.Places{CredentialsFile: credentials, ConfigFile: config, Profile: "config"}, "AKIACONFIG"},
		"the home directory":           {aws.Places{Home: home}, "AKIAHOME"},
		"a profile with a role":        {aws.Places{ConfigFile: config, Profile: "irsa", STSEndpoint: s.URL}, "ASIA"},
		"an agent":                     {aws.Places{Home: "/none", ContainerURI: s.URL + "/agent", ContainerToken: "ag3nt"}, "ASIA"},
		"an agent with a token file":   {aws.Places{ContainerURI: s.URL + "/agent", ContainerTokenFile: write(t, "ag3nt\n")}, "ASIA"},
		"the instance":                 {aws.Places{Home: t.TempDir(), MetadataEndpoint: s.URL}, "ASIA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := login(c.places)
			got, err := l.Get(t.Context())
			if err != nil || !strings.HasPrefix(got.KeyID, c.want) {
				t.Fatalf("%s, %v", got.KeyID, err)
			}
			again, err := l.Get(t.Context())
			if err != nil || again != got {
				t.Errorf("again: %v, and not the same", err)
			}
		})
	}
}

// TestErrors says what is wrong, quotes no secret, and tells what may go away from what stays.
func TestErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(down.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"AccessKeyId":"A","SecretAccessKey":"` + secret + `","Token":"a\nb"}`))
	}))
	t.Cleanup(odd.Close)
	moved := httptest.NewServer(http.RedirectHandler(s.URL+"/agent", http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	minio := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<ErrorResponse><Error><Code>InvalidParameterValue</Code><Message>" + r.PostFormValue("WebIdentityToken") + "</Message></Error></ErrorResponse>"))
	}))
	t.Cleanup(minio.Close)
	config := write(t, "[profile process]\ncredential_process = /bin/"+secret+"\n[profile chained]\nsource_profile = x\n")
	token := write(t, "id3ntity")
	for name, c := range map[string]struct {
		places aws.Places
		want   string
		stays  bool
	}{
		"nowhere":                  {aws.Places{NoMetadata: true}, "no credentials to sign the request with", true},
		"an instance that is none": {aws.Places{MetadataEndpoint: gone.URL}, "nor in the metadata of the instance", true},
		"half":                     {aws.Places{KeyID: "AKIA"}, "need each other", true},
		"a line break":             {aws.Places{KeyID: "AKIA\nX: y", Secret: secret}, "line break", true},
		"a missing profile":        {aws.Places{Profile: "x", CredentialsFile: config}, "there is no profile x", true},
		"a missing file":           {aws.Places{CredentialsFile: "/none"}, `the file of AWS_SHARED_CREDENTIALS_FILE "/none" does not exist yet`, false},
		"a program":                {aws.Places{Profile: "process", ConfigFile: config}, "has credential_process, which inith does not support", true},
		"a role by a role":         {aws.Places{Profile: "chained", ConfigFile: config}, "has source_profile", true},
		"no role":                  {aws.Places{WebIdentityTokenFile: token}, "AWS_ROLE_ARN is not set", true},
		"a missing token":          {aws.Places{WebIdentityTokenFile: "/none", RoleARN: "r"}, "does not exist yet", false},
		"a wrong token":            {aws.Places{WebIdentityTokenFile: write(t, secret), RoleARN: "r", STSEndpoint: s.URL}, "STS refuses (InvalidIdentityToken)", true},
		"a refusal of MinIO":       {aws.Places{WebIdentityTokenFile: token, RoleARN: "r", STSEndpoint: minio.URL}, "STS refuses (InvalidParameterValue): there is no such role", true},
		"STS is down":              {aws.Places{WebIdentityTokenFile: token, RoleARN: "r", STSEndpoint: down.URL}, "STS: it answered status 503", false},
		"STS is gone":              {aws.Places{WebIdentityTokenFile: token, RoleARN: "r", STSEndpoint: gone.URL}, "STS: connection refused", false},
		"an agent elsewhere":       {aws.Places{ContainerURI: "http://" + secret + ".example.com/x"}, "another host by http", true},
		"an agent's URL":           {aws.Places{ContainerURI: "ftp://x"}, "is not an http or https URL", true},
		"an agent refuses":         {aws.Places{ContainerURI: s.URL + "/agent", ContainerToken: secret}, "answered status 403", true},
		"an agent redirects":       {aws.Places{ContainerURI: moved.URL, ContainerToken: "ag3nt"}, "answered status 307", true},
		"an agent's line break":    {aws.Places{ContainerURI: odd.URL}, "line break", true},
		"an agent is down":         {aws.Places{ContainerURI: down.URL}, "answered status 503", false},
		"no JSON":                  {aws.Places{ContainerURI: s.URL + "/models"}, "answered status 403", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := login(c.places).Get(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, aws.ErrFinal) != c.stays {
				t.Fatalf("%v (stays: %v)", err, errors.Is(err, aws.ErrFinal))
			}
			if text := err.Error() + usererr.Hint(err); strings.Contains(text, "s3cr3t") || strings.Contains(text, "id3ntity") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}

// TestRefreshed gets new credentials before the old ones expire, and asks once for all who wait.
func TestRefreshed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		served := 0
		l := aws.NewLogin(aws.Places{WebIdentityTokenFile: write(t, "x"), RoleARN: "r"}, "eu-west-1", roundTripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if served++; served == 3 {
				return nil, errors.New("down")
			}
			if r.URL.Host != "sts.eu-west-1.amazonaws.com" {
				t.Errorf("asked %s", r.URL.Host)
			}
			return stsAnswer(served, time.Now().Add(time.Hour)), nil
		}))
		get := func() string {
			var wg sync.WaitGroup
			var tokens [8]string
			for i := range tokens {
				wg.Go(func() {
					c, err := l.Get(t.Context())
					if err != nil {
						t.Error(err)
					}
					tokens[i] = c.Token
				})
			}
			wg.Wait()
			for _, token := range tokens {
				if token != tokens[0] {
					t.Errorf("tokens %q", tokens)
				}
			}
			return tokens[0]
		}
		for i, want := range []struct {
			pause time.Duration
			token string
		}{{0, "1"}, {54 * time.Minute, "1"}, {2 * time.Minute, "2"}, {56 * time.Minute, "2"}, {11 * time.Second, "4"}} {
			time.Sleep(want.pause)
			if got := get(); got != want.token {
				t.Errorf("%d: token %q, want %q", i, got, want.token)
			}
		}
		l.Expired("1") // there are newer ones
		if got := get(); got != "4" {
			t.Errorf("token %q after the expiry of an old one", got)
		}
		l.Expired("4")
		if got := get(); got != "5" {
			t.Errorf("token %q after the expiry", got)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func stsAnswer(n int, expires time.Time) *http.Response {
	w := httptest.NewRecorder()
	_, _ = w.WriteString("<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>" +
		string(rune('0'+n)) + "</SessionToken><Expiration>" + expires.UTC().Format(time.RFC3339) + "</Expiration></Credentials></AssumeRoleWithWebIdentityResult></R>")
	return w.Result()
}

// TestRotated reads files again.
func TestRotated(t *testing.T) {
	t.Parallel()
	name := write(t, "[default]\naws_access_key_id=A\naws_secret_access_key=x\n")
	l := login(aws.Places{CredentialsFile: name})
	for _, id := range []string{"A", "B"} {
		if err := os.WriteFile(name, []byte("[default]\naws_access_key_id="+id+"\naws_secret_access_key=x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := l.Get(t.Context()); err != nil || c.KeyID != id {
			t.Errorf("%s, %v, want %s", c.KeyID, err, id)
		}
	}
}
