package decode_test

import (
	"strings"
	"testing"

	"github.com/inith/inith/sidecar/audit/internal/decode"
	"github.com/inith/inith/sidecar/audit/internal/encodings"
)

// FuzzPrefix decodes anything.
func FuzzPrefix(f *testing.F) {
	for name, encode := range encodings.All(f) {
		f.Add([]byte(encode("{\"model\":\"m\"}")), name)
	}
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		decoded, _, ok := decode.Prefix(encoding, body, 1000)
		if len(decoded) > max(1000, len(body)) || !ok && len(decoded) > 0 {
			t.Errorf("%d bytes, %v", len(decoded), ok)
		}
	})
}

// TestBomb decodes what is much longer than it looks.
func TestBomb(t *testing.T) {
	t.Parallel()
	for name, encode := range encodings.All(t) {
		if name == "" {
			continue
		}
		bomb := encode(strings.Repeat(" ", 64<<20) + `{"model":"m"}`)
		decoded, whole, ok := decode.Prefix(name, []byte(bomb), 1<<10)
		if len(decoded) != 1<<10 || whole || !ok {
			t.Errorf("%s: %d bytes, %v, %v", name, len(decoded), whole, ok)
		}
	}
}

// TestWhole decodes bodies, whole and cut.
func TestWhole(t *testing.T) {
	t.Parallel()
	const text = "the quick brown fox jumps over the lazy dog, again and again"
	for name, encode := range encodings.All(t) {
		body := []byte(encode(text))
		if got, whole, ok := decode.Prefix(name, body, 1000); string(got) != text || !whole || !ok {
			t.Errorf("%s: %q, %v, %v", name, got, whole, ok)
		}
		if got, whole, _ := decode.Prefix(name, body[:len(body)-5], 1000); name != "" && whole || !strings.HasPrefix(text, string(got)) {
			t.Errorf("%s, cut: %q, %v", name, got, whole)
		}
	}
	if _, _, ok := decode.Prefix("br", []byte(text), 1000); ok {
		t.Error("an encoding that is not known is decoded")
	}
}
