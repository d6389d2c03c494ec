// Package encodings encodes bodies of HTTP, for tests.
package encodings

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// All returns what encodes a body, by the name of the content coding; "" leaves it as it is.
func All(tb testing.TB) map[string]func(string) string {
	tb.Helper()
	with := func(open func(io.Writer) io.WriteCloser) func(string) string {
		return func(s string) string {
			var b bytes.Buffer
			w := open(&b)
			_, _ = io.WriteString(w, s)
			_ = w.Close()
			return b.String()
		}
	}
	return map[string]func(string) string{
		"":        func(s string) string { return s },
		"gzip":    with(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"deflate": with(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"zstd": with(func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithWindowSize(1<<20))
			if err != nil {
				tb.Fatal(err)
			}
			return z
		}),
	}
}
