package audit

import (
	"bytes"
	"crypto/sha256"
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
	expected int64 // bytes, as the headers say; zero or less if they do not
	usage    *genai.Reader
	decoding int64 // bytes that its decoder takes

	mu        sync.Mutex // what sends the request may outlive the exchange
	closed    bool
	bytes     int64
	sum       hash.Hash
	ended     bool     // it went by to its end
	kept      [][]byte // in pieces: what grows would be copied, and leave garbage behind
	size      int64    // bytes that are kept
	taken     int64    // from the budget
	truncated string
}

func newSide(b *budget) side { return side{budget: b, sum: sha256.New()} }

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
	if room := s.limit - s.size; int64(len(p)) > room {
		p, s.truncated = p[:room], truncatedLimit
	}
	for len(p) > 0 {
		last := len(s.kept) - 1
		if last < 0 || len(s.kept[last]) == cap(s.kept[last]) {
			if !s.grow() {
				s.truncated = truncatedMemory
				return
			}
			last++
		}
		piece := s.kept[last]
		n := copy(piece[len(piece):cap(piece)], p)
		s.kept[last], s.size, p = piece[:len(piece)+n], s.size+int64(n), p[n:]
	}
}

// grow adds a piece, from the budget. Pieces are as large as what is expected, or what is kept already, within bounds.
func (s *side) grow() bool {
	const least, most = 512, 4 << 10
	n := min(max(s.size, s.expected-s.size, least), most, s.limit-s.size)
	if !s.budget.take(n) {
		return false
	}
	s.taken += n
	s.kept = append(s.kept, make([]byte, 0, n))
	return true
}

// copied returns what is kept.
func (s *side) copied() []byte {
	if len(s.kept) == 1 {
		return s.kept[0]
	}
	return bytes.Join(s.kept, nil)
}

// end notes that all went by.
func (s *side) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

func (s *side) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
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

// forget drops the copy, for which a line stands now. The memory is released when that is written.
func (s *side) forget() { s.kept = nil }

// release gives the memory of the copy back.
func (s *side) release() {
	s.budget.give(s.taken + s.decoding)
	s.kept, s.taken, s.decoding = nil, 0, 0
}

// digest returns the hash of what went by. The side must be closed.
func (s *side) digest() string {
	var sum [sha256.Size]byte
	return hexOf(s.sum.Sum(sum[:0]))
}
