package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/inith/inith/sidecar/audit/internal/genai"
)

// Why a body is not whole in a record.
const (
	truncatedLimit  = "limit"
	truncatedMemory = "memory"
)

// A side is one direction of an exchange: what went by, and a copy of its beginning.
type side struct {
	budget   *budget
	limit    int64 // bytes to keep; zero: none
	usage    *genai.Reader
	decoding int64 // bytes that its decoder takes

	mu        sync.Mutex // what sends the request may outlive the exchange
	closed    bool
	bytes     int64
	sum       hash.Hash
	ended     bool // it went by to its end
	kept      []byte
	truncated string
}

func newSide(b *budget) *side { return &side{budget: b, sum: sha256.New()} }

// pass takes note of bytes that go by.
func (s *side) pass(p []byte) {
	if len(p) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.bytes += int64(len(p))
	_, _ = s.sum.Write(p)
	s.keep(p)
	if s.usage != nil {
		_, _ = s.usage.Write(p)
	}
}

// keep copies bytes, as far as limit and budget allow.
func (s *side) keep(p []byte) {
	if s.limit == 0 || s.truncated != "" {
		return
	}
	if room := s.limit - int64(len(s.kept)); int64(len(p)) > room {
		p, s.truncated = p[:room], truncatedLimit
	}
	if missing := len(s.kept) + len(p) - cap(s.kept); missing > 0 && !s.grow(missing) {
		s.truncated = truncatedMemory
		return
	}
	s.kept = append(s.kept, p...)
}

// grow makes room for so many bytes more, from the budget.
func (s *side) grow(missing int) bool {
	const least = 4 << 10
	want := cap(s.kept) + max(missing, cap(s.kept), least)
	want = max(cap(s.kept)+missing, min(want, int(s.limit)))
	if !s.budget.take(int64(want - cap(s.kept))) {
		return false
	}
	larger := make([]byte, len(s.kept), want)
	copy(larger, s.kept)
	s.kept = larger
	return true
}

// end notes that all went by.
func (s *side) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// close ends the side: what goes by later is not part of the exchange.
func (s *side) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if s.usage != nil {
		s.usage.Close()
	}
}

// release gives the memory of the copy back.
func (s *side) release() {
	s.budget.give(int64(cap(s.kept)) + s.decoding)
	s.kept, s.decoding = nil, 0
}

// digest returns the hash of what went by. The side must be closed.
func (s *side) digest() string { return hex.EncodeToString(s.sum.Sum(nil)) }
