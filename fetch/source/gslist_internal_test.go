package source

import "testing"

// FuzzGSPage reads any answer as a listing: what comes of it are names that were asked for, or an error that says nothing of it.
func FuzzGSPage(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"name":"p/a","size":"3","generation":"17"}],"nextPageToken":"t"}`, `{"kind":"storage#objects"}`, `{}`, ``, `[]`,
		`{"items":[{"name":"q/a","size":"3"}]}`, `{"items":[{"name":"p/a","size":"-3"}]}`, `{"items":[{"name":"p/a","size":"9223372036854775808"}]}`,
		`{"items":[{"name":"p/a","size":3}]}`, `{"items":[{"name":"p/a","size":"3","generation":"s3cr3t"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzPage(t, (*gsBucket)(nil), text) })
}
