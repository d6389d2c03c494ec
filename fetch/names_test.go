package fetch_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
)

// TestNameServerThatIsMute has a name server that answers for one family of addresses only. It
// is not parallel: there is one resolver.
func TestNameServerThatIsMute(t *testing.T) {
	t.Cleanup(func() { resolver.Store(nil) })
	b := content(1000)
	o := newOrigin(t, b, nil)
	_, port, _ := net.SplitHostPort(o.Listener.Addr().String())
	live := func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} }
	r, stop, err := faultserver.StartNames(t.Context(), live, faultserver.TypeAAAA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	resolver.Store(r)
	file := fetch.File{URL: parse(t, "http://"+faultserver.OriginName+":"+port+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
	if result, err := run(t, &fetch.Fetcher{}, file); err != nil || result.Retries > 0 {
		t.Errorf("%+v, %v; want no retries", result, err)
	}
}
