package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/fetch"
)

func TestKServeS3(t *testing.T) {
	t.Parallel()
	endpoint := &url.URL{Scheme: "https", Host: "minio:9000"}
	tests := map[string]struct {
		env  []string
		want fetch.S3
	}{
		"configuration": {
			[]string{`STORAGE_CONFIG={"type":"s3","endpoint_url":"https://minio:9000","region":"eu-west-1","access_key_id":"k","secret_access_key":"s"}`},
			fetch.S3{Endpoint: endpoint, Region: "eu-west-1", Login: fetch.AWS{KeyID: "k", Secret: "s"}},
		},
		"it overrides other variables": {
			[]string{"AWS_ACCESS_KEY_ID=other", "AWS_SECRET_ACCESS_KEY=s", `STORAGE_CONFIG={"type":"s3","access_key_id":"k"}`},
			fetch.S3{Login: fetch.AWS{KeyID: "k", Secret: "s"}},
		},
		"and is overridden": {
			[]string{`STORAGE_CONFIG={"type":"s3","region":"a","anonymous":"True"}`, `STORAGE_OVERRIDE_CONFIG={"region":"b","bucket":"x"}`},
			fetch.S3{Region: "b", Anonymous: true},
		},
		"another type": {[]string{`STORAGE_CONFIG={"type":"gs","region":"a"}`}, fetch.S3{}},
		"anonymous":    {[]string{"awsAnonymousCredential=true"}, fetch.S3{Anonymous: true}},
		"virtual":      {[]string{"S3_USER_VIRTUAL_BUCKET=true"}, fetch.S3{VirtualHosts: true}},
		"unverified":   {[]string{"S3_VERIFY_SSL=0"}, fetch.S3{TLS: fetch.TLS{SkipVerify: true}}},
		"verified":     {[]string{"S3_VERIFY_SSL=1"}, fetch.S3{}},
		"authorities": {
			[]string{"CA_BUNDLE_CONFIGMAP_NAME=cabundle", "CA_BUNDLE_VOLUME_MOUNT_POINT=/etc/ssl/custom-certs"},
			fetch.S3{TLS: fetch.TLS{CAFile: "/etc/ssl/custom-certs/cabundle.crt"}},
		},
		"one file of authorities": {
			[]string{"AWS_CA_BUNDLE=/ca.pem", "CA_BUNDLE_CONFIGMAP_NAME=cabundle", "CA_BUNDLE_VOLUME_MOUNT_POINT=/etc"},
			fetch.S3{TLS: fetch.TLS{CAFile: "/ca.pem"}},
		},
		"the default endpoint of KServe": {[]string{"AWS_ENDPOINT_URL=https://s3.amazonaws.com", "AWS_DEFAULT_REGION=eu-west-1"}, fetch.S3{Region: "eu-west-1"}},
	}
	for name, test := range tests {
		got, err := s3(test.env)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// TestKServeErrors holds errors to quote no value.
func TestKServeErrors(t *testing.T) {
	t.Parallel()
	for _, env := range []string{
		`STORAGE_CONFIG={"type":"s3","secret_access_key":"S3cret`,
		`STORAGE_CONFIG=["S3cret"]`,
		`STORAGE_CONFIG={"type":"s3","secret_access_key":{"S3cret":1}}`,
		`STORAGE_OVERRIDE_CONFIG="S3cret"`,
		`STORAGE_CONFIG={"type":"s3","endpoint_url":"https://user:S3cret@x:y"}`,
	} {
		_, err := s3(environment.Variables{env})
		wantNoSecret(t, env, err)
	}
	for _, env := range []string{
		`STORAGE_ALLOW_PATTERNS=["S3cret"`,
		`STORAGE_IGNORE_PATTERNS=[5, "S3cret"]`,
		`models.example.com-headers={"Authorization":"S3cret\n"}`,
		`models.example.com-headers={"S3cret:":"x"}`,
		`models.example.com-headers=S3cret`,
		`models.example.com-headers={"a":["S3cret"]}`,
	} {
		wantNoSecret(t, env, kserveFile(environment.Variables{env}, &fetch.File{URL: &url.URL{Scheme: "https", Host: "models.example.com"}}))
	}
}

func wantNoSecret(t *testing.T, env string, err error) {
	t.Helper()
	name, _, _ := strings.Cut(env, "=")
	if err == nil || strings.Contains(err.Error(), "S3cret") || !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
		t.Errorf("%s: %v", env, err)
	}
}

func TestKServeFile(t *testing.T) {
	t.Parallel()
	env := environment.Variables{
		`STORAGE_ALLOW_PATTERNS=["*.safetensors", "*.json"]`, `STORAGE_IGNORE_PATTERNS=*.bin, *.gguf,`,
		`models.example.com-headers={"account-name":"some_account","Authorization":"Bearer x"}`,
	}
	f := fetch.File{URL: &url.URL{Scheme: "https", Host: "models.example.com:8443"}, Exclude: []string{"*.pt"}}
	if err := kserveFile(env, &f); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Account-Name": {"some_account"}, "Authorization": {"Bearer x"}}
	if diff := cmp.Diff(want, f.Headers); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(f.Include, []string{"*.safetensors", "*.json"}) || !slices.Equal(f.Exclude, []string{"*.pt"}) {
		t.Errorf("include %q, exclude %q", f.Include, f.Exclude)
	}
	other := fetch.File{URL: &url.URL{Scheme: "https", Host: "example.com"}}
	if err := kserveFile(env, &other); err != nil || other.Headers != nil || !slices.Equal(other.Exclude, []string{"*.bin", "*.gguf"}) {
		t.Errorf("%v, %v, exclude %q", err, other.Headers, other.Exclude)
	}
}

// TestRegistryConfig takes the credentials for registries from the first place that is named. Only what an option names must exist.
func TestRegistryConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option string
		env    environment.Variables
		want   fetch.OCI
	}{
		"an option": {
			"/flag.json", environment.Variables{"KSERVE_OCI_DOCKER_CONFIG=/kserve.json", "DOCKER_CONFIG=/docker"}, fetch.OCI{ConfigFile: "/flag.json"},
		},
		"KServe": {
			"",
			environment.Variables{"KSERVE_OCI_DOCKER_CONFIG=/kserve.json", "DOCKER_CONFIG=/docker", "KSERVE_OCI_INSECURE_REGISTRY=True"},
			fetch.OCI{ConfigFile: "/kserve.json", ConfigOptional: true, PlainHTTP: true},
		},
		"Docker": {
			"",
			environment.Variables{"DOCKER_CONFIG=/docker", "HOME=/home", "KSERVE_OCI_INSECURE_REGISTRY=false"},
			fetch.OCI{ConfigFile: "/docker/config.json", ConfigOptional: true},
		},
		"home":    {"", environment.Variables{"HOME=/home", "DOCKER_CONFIG="}, fetch.OCI{ConfigFile: "/home/.docker/config.json", ConfigOptional: true}},
		"nowhere": {"", nil, fetch.OCI{ConfigOptional: true}},
	} {
		if got := oci(c.env, c.option); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
