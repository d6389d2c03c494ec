package faultserver

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

var _ io.ReaderAt = Content{}

// Content is what a file holds: bytes that follow from a seed, so that gigabytes
// need no memory, or bytes that are given.
type Content struct {
	Size  int64  // bytes
	Seed  uint64 // contents of different seeds differ nearly everywhere
	Bytes []byte // instead of Size and Seed; nil: none
}

// Len returns the size in bytes.
func (c Content) Len() int64 {
	if c.Bytes != nil {
		return int64(len(c.Bytes))
	}
	return c.Size
}

// ReadAt implements [io.ReaderAt].
func (c Content) ReadAt(p []byte, off int64) (int, error) {
	left := c.Len() - off
	if off < 0 || left <= 0 {
		return 0, io.EOF
	}
	n := int(min(left, int64(len(p))))
	if c.Bytes != nil {
		copy(p[:n], c.Bytes[off:])
	} else {
		c.generate(p[:n], uint64(off))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// generate fills p with the bytes from off on. The race detector would make this most of
// the time of the tests, and p is the caller's alone.
//
//go:norace
func (c Content) generate(p []byte, off uint64) {
	var word [8]byte
	i, skip := off/8, off%8
	for ; len(p) > 0; i++ {
		if skip == 0 && len(p) >= 8 {
			binary.LittleEndian.PutUint64(p, mix(c.Seed, i))
			p = p[8:]
			continue
		}
		binary.LittleEndian.PutUint64(word[:], mix(c.Seed, i))
		p = p[copy(p, word[skip:]):]
		skip = 0
	}
}

// mix is SplitMix64, whose i-th output needs none of those before it.
func mix(seed, i uint64) uint64 {
	z := seed*0xd1342543de82ef95 + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// SHA256 returns the digest of the whole.
func (c Content) SHA256() [sha256.Size]byte {
	h := sha256.New()
	_, _ = io.Copy(h, c.section(Span{0, c.Len()})) // neither side fails
	return [sha256.Size]byte(h.Sum(nil))
}

// All returns the whole.
func (c Content) All() []byte { return c.read(Span{0, c.Len()}) }

func (c Content) read(s Span) []byte {
	b := make([]byte, s.Len())
	_, _ = c.ReadAt(b, s.Start)
	return b
}

func (c Content) section(s Span) io.Reader { return io.NewSectionReader(c, s.Start, s.Len()) }

// changed returns other bytes, with so many more of them.
func (c Content) changed(more int64) Content {
	return Content{Size: c.Len() + more, Seed: c.Seed + 1}
}

// tag returns a strong entity tag.
func (c Content) tag() string {
	if c.Bytes != nil {
		sum := c.SHA256()
		return fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:8]))
	}
	return fmt.Sprintf("%q", fmt.Sprintf("%x-%x", c.Size, c.Seed))
}

// modified returns a date long ago, which makes it a strong validator.
func (c Content) modified() time.Time {
	age := time.Duration(c.Seed%1000) * time.Hour
	return time.Date(2025, time.March, 1, 12, 0, 0, 0, time.UTC).Add(age)
}

// A Span is the bytes of a file from Start to before End.
type Span struct{ Start, End int64 }

// Len returns how many bytes these are.
func (s Span) Len() int64 { return s.End - s.Start }
