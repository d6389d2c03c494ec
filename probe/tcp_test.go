package probe_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
)

func TestTCP(t *testing.T) {
	t.Parallel()
	refused := listen(t, simserver.Silent)
	refused.Close()
	for _, tt := range []struct {
		name, address, fragment string
		want                    verdict
		text                    string
	}{
		{name: "accepts and stays silent", address: serve(t, simserver.Silent), want: ready},
		{name: "accepts and speaks", address: serve(t, simserver.Say("220 hello\r\n")), want: ready},
		{name: "accepts and hangs up", address: serve(t, simserver.HangUp), fragment: "#settle=1m", want: notYet, text: "closed it at once"},
		{name: "hangs up, but settle is 0s", address: serve(t, simserver.HangUp), fragment: "#settle=0s", want: ready},
		{name: "hangs up within a longer settle", address: serve(t, func(net.Conn) { <-time.After(150 * time.Millisecond) }), fragment: "#settle=1m", want: notYet, text: "closed it at once"},
		{name: "refuses", address: refused.Addr(), want: notYet, text: "connection refused"},
		{name: "name not found", address: "inith.invalid:80", want: notYet, text: "name not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkVerdict(t, attempt(t, "tcp://"+tt.address+tt.fragment), tt.want, tt.text)
		})
	}
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	checkVerdict(t, attempt(t, "unix://"+path), notYet, "no such socket")
	s, err := simserver.Listen(t.Context(), "unix", path, simserver.Silent)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	checkVerdict(t, attempt(t, "unix://"+path), ready, "")
}
