package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/fetch"
)

// TestAzureVariables reads a connection string, which overrides the variables beside it, and the variables that only KServe has.
func TestAzureVariables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env      []string
		want     fetch.Azure
		endpoint string
	}{
		"nothing": {nil, fetch.Azure{}, ""},
		"a key":   {[]string{"AZURE_STORAGE_ACCOUNT=a", "AZURE_STORAGE_KEY=aw=="}, fetch.Azure{Account: "a", Key: "aw=="}, ""},
		"a connection string": {
			[]string{"AZURE_STORAGE_ACCOUNT=a", "AZURE_STORAGE_KEY=aw==", "AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=https;AccountName=b;AccountKey=bQ==;EndpointSuffix=core.chinacloudapi.cn"},
			fetch.Azure{Account: "b", Key: "bQ=="},
			"https://blob.core.chinacloudapi.cn",
		},
		"an emulator's": {
			[]string{"AZURE_STORAGE_CONNECTION_STRING=AccountName=dev; AccountKey=bQ==; BlobEndpoint=http://127.0.0.1:10000/dev;"},
			fetch.Azure{Account: "dev", Key: "bQ=="},
			"http://127.0.0.1:10000",
		},
		"a signature": {
			[]string{"AZURE_STORAGE_CONNECTION_STRING=BlobEndpoint=https://b.blob.core.windows.net;SharedAccessSignature=?sv=1&sig=x%3D"},
			fetch.Azure{SAS: "sv=1&sig=x%3D"},
			"https://b.blob.core.windows.net",
		},
		"KServe's": {
			[]string{"AZ_TENANT_ID=t", "AZ_CLIENT_ID=c", "AZ_CLIENT_SECRET=s", "AZURE_CLIENT_ID=other", "AZURE_STORAGE_ACCESS_KEY=aw=="},
			fetch.Azure{Key: "aw==", Login: fetch.Entra{TenantID: "t", ClientID: "other", ClientSecret: "s"}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := azure(environment.Variables(c.env))
			endpoint := ""
			if got.Endpoint != nil {
				endpoint, got.Endpoint = got.Endpoint.String(), nil
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" || endpoint != c.endpoint {
				t.Errorf("endpoint %q, %v\n%s", endpoint, err, diff)
			}
		})
	}
	for _, bad := range []string{"AZURE_STORAGE_SERVICE_ENDPOINT=https://u:S3cret@x:y", "AZURE_STORAGE_CONNECTION_STRING=BlobEndpoint=https://u:S3cret@x:y"} {
		if _, err := azure(environment.Variables{bad}); err == nil || strings.Contains(err.Error(), "S3cret") {
			t.Errorf("%v", err)
		}
	}
}

// TestGCSVariables reads where Google Cloud Storage is: an emulator, as Google's own programs name it, counts more.
func TestGCSVariables(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"": "", "STORAGE_EMULATOR_HOST=localhost:4443": "http://localhost:4443 emulator",
		"STORAGE_EMULATOR_HOST=https://x CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=https://y": "https://x emulator",
		"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=https://y/":                                "https://y/",
	} {
		g, err := gcs(environment.Variables(strings.Fields(env)))
		got := ""
		if g.Endpoint != nil {
			got = g.Endpoint.String()
		}
		if g.Emulator {
			got += " emulator"
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", env, got, err, want)
		}
	}
	if _, err := gcs(environment.Variables{"STORAGE_EMULATOR_HOST=u:S3cret@x:y"}); err == nil || strings.Contains(err.Error(), "S3cret") {
		t.Errorf("%v", err)
	}
}
