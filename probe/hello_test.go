package probe_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// middlebox passes connections on to a server, except those whose ClientHello is larger than a packet: it drops these, or
// with reset closes them.
func middlebox(t *testing.T, server string, reset bool) string {
	t.Helper()
	return serve(t, func(c net.Conn) {
		const packet = 1400
		hello := make([]byte, 16<<10)
		n, err := c.Read(hello)
		if err != nil {
			return
		}
		if n > packet {
			if !reset {
				simserver.Silent(c)
			}
			return
		}
		s, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server)
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		if _, err := s.Write(hello[:n]); err != nil {
			return
		}
		go func() { _, _ = io.Copy(s, c) }()
		_, _ = io.Copy(c, s)
	})
}

// TestSmallHello asks a server behind a middlebox that lets no large ClientHello pass: the second attempt succeeds.
func TestSmallHello(t *testing.T) {
	t.Parallel()
	site := secureSite(t).Listener.Addr().String()
	for name, tt := range map[string]struct {
		reset bool
		text  string
	}{"drops": {false, "no answer to the TLS handshake within"}, "closes": {true, "closed the connection during the TLS handshake"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := open(t, "https://"+middlebox(t, site, tt.reset)+"/ok#insecure-skip-tls-verify&timeout=2s", probe.Options{})
			err := target.Probe(t.Context())
			checkVerdict(t, err, notYet, tt.text)
			if hint := probe.Hint(err); !strings.Contains(hint, "without ML-KEM") {
				t.Errorf("hint %q", hint)
			}
			checkVerdict(t, target.Probe(t.Context()), ready, "")
			checkVerdict(t, target.Probe(t.Context()), ready, "")
			if trace := target.Trace().String(); !strings.Contains(trace, "without ML-KEM") {
				t.Errorf("trace %q", trace)
			}
		})
	}
}
