package source

import (
	"net/url"
	"testing"
)

// FuzzAZPage reads any answer as a listing: what comes of it are names that were asked for, or an error that says nothing of it.
func FuzzAZPage(f *testing.F) {
	for _, seed := range []string{
		`<EnumerationResults><Blobs><Blob><Name>p/a</Name><Properties><Etag>0x8</Etag><Content-Length>3</Content-Length></Properties></Blob></Blobs><NextMarker>t</NextMarker></EnumerationResults>`,
		`<EnumerationResults><Blobs><Blob><Name Encoded="true">p/%EF%BF%BE</Name><Content-Length>3</Content-Length></Blob></Blobs><NextMarker /></EnumerationResults>`,
		`<EnumerationResults><Blobs><Blob><Name Encoded="true">p/%zz</Name><Content-Length>3</Content-Length></Blob></Blobs></EnumerationResults>`,
		`<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>`, `<EnumerationResults><Blob></Blob></EnumerationResults>`, `<html>`, ``,
		`<EnumerationResults><Blob><Name>p/&e;</Name><Content-Length>-3</Content-Length></Blob></EnumerationResults>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzPage(t, (*azContainer)(nil), text) })
}

// TestAZEncodedName reads a name that XML cannot have.
func TestAZEncodedName(t *testing.T) {
	page, err := (*azContainer)(nil).read(
		`<EnumerationResults><Blobs><Blob><Name Encoded="true">p/a%EF%BF%BEb</Name><Properties><Content-Length>3</Content-Length></Properties></Blob></Blobs><NextMarker/></EnumerationResults>`)
	if err != nil || len(page.entries) != 1 || page.entries[0].key != "p/a\uFFFEb" {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestAZPlace has the account in the host's name, or in the path at servers that have no such names.
func TestAZPlace(t *testing.T) {
	for _, c := range []struct{ url, settings, want string }{
		{"az://account/models/k", "", "https://account.blob.core.windows.net/models/k"},
		{"az://account/models/a%20b", "https://account.blob.core.chinacloudapi.cn", "https://account.blob.core.chinacloudapi.cn/models/a%20b"},
		{"az://account/models/k", "https://blob.core.usgovcloudapi.net", "https://account.blob.core.usgovcloudapi.net/models/k"},
		{"az://account/models/k", "https://account.z3.blob.storage.azure.net", "https://account.z3.blob.storage.azure.net/models/k"},
		{"az://account/models/k?endpoint=http://localhost:10000", "https://blob.core.windows.net", "http://localhost:10000/account/models/k"},
	} {
		var settings *url.URL
		if c.settings != "" {
			settings = mustParse(t, c.settings)
		}
		name, err := parseAZName(mustParse(t, c.url))
		if err != nil {
			t.Fatal(err)
		}
		container := &azContainer{name: name, at: name.at(settings)}
		if got := container.object(name.key).url.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.url, got, c.want)
		}
	}
}
