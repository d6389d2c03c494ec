// Package decode undoes content encodings of copies of bodies, in bounded memory.
package decode

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the memory of a decoder of zstd.
const maxWindow = 1 << 20

// Memory is what a decoder takes at most, in bytes.
const Memory = 2 * maxWindow

var errUnknown = errors.New("unknown content encoding")

// IsIdentity reports whether a content encoding changes nothing.
func IsIdentity(encoding string) bool { return encoding == "" || encoding == "identity" }

// Known reports whether a content encoding can be decoded.
func Known(encoding string) bool { return IsIdentity(encoding) || decoder(encoding) != nil }

// NewReader decodes what r holds.
func NewReader(encoding string, r io.Reader) (io.ReadCloser, error) {
	if IsIdentity(encoding) {
		return io.NopCloser(r), nil
	}
	if d := decoder(encoding); d != nil {
		return d(bufio.NewReader(r))
	}
	return nil, errUnknown
}

// decoder returns what decodes a content encoding, nil for one that is not known.
func decoder(encoding string) func(*bufio.Reader) (io.ReadCloser, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip":
		return func(r *bufio.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	case "deflate":
		return inflate
	case "zstd":
		return func(r *bufio.Reader) (io.ReadCloser, error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			return z.IOReadCloser(), nil
		}
	}
	return nil
}

// inflate reads zlib, which RFC 9110 means by deflate, or what some servers send instead: deflate without its header.
func inflate(r *bufio.Reader) (io.ReadCloser, error) {
	head, err := r.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// Prefix returns the beginning of a body that was encoded, at most limit bytes, and whether that is all of it. It returns
// false for ok if nothing can be decoded.
func Prefix(encoding string, body []byte, limit int) (decoded []byte, whole, ok bool) {
	if IsIdentity(encoding) {
		return body, true, true
	}
	r, err := NewReader(encoding, bytes.NewReader(body))
	if err != nil {
		return nil, false, false
	}
	defer func() { _ = r.Close() }()
	decoded, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(decoded) > limit {
		return decoded[:limit], false, true
	}
	return decoded, err == nil, err == nil || len(decoded) > 0
}
