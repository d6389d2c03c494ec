package genai

import "bytes"

// A scanner reads JSON documents, one after another, in pieces of any size, and reports their scalars with their paths. It
// is lenient: what is no JSON has no scalars worth reporting. It keeps at most maxPath+maxScalar bytes.
type scanner struct {
	found func(path []byte, v value) // both are valid until it returns
	ended func()                     // an object that is a document has ended; nil if nobody wants it

	path   []byte
	frames []frame
	lost   bool // too deep: the rest of the document is not read

	inString, escaped, inScalar bool
	scalar                      []byte
	long                        bool // the scalar is longer than what is kept
}

// A frame is an object or an array that has begun.
type frame struct {
	array bool
	key   bool // of an object: its value is next
	base  int  // length of the path without key
}

// A value is a scalar as it was written; of a string, what is between the quotes.
type value struct {
	raw  []byte
	text bool
}

const (
	maxDepth  = 64
	maxScalar = 512
	maxPath   = 512
)

func newScanner(found func([]byte, value), ended func()) *scanner {
	const usualDepth, usualPath = 8, 64
	return &scanner{found: found, ended: ended, frames: make([]frame, 0, usualDepth), path: make([]byte, 0, usualPath)}
}

// Write reads a piece. It never fails.
func (s *scanner) Write(p []byte) (int, error) {
	for i := 0; i < len(p); {
		switch {
		case s.lost:
			return len(p), nil
		case s.inString:
			i += s.readString(p[i:])
		default:
			s.readByte(p[i])
			i++
		}
	}
	return len(p), nil
}

// reset forgets a document that was not complete.
func (s *scanner) reset() {
	s.endScalar()
	*s = scanner{found: s.found, ended: s.ended, path: s.path[:0], frames: s.frames[:0], scalar: s.scalar[:0]}
}

// readString reads up to the end of a string, or of the piece. It returns how many bytes that are.
func (s *scanner) readString(p []byte) int {
	if s.escaped {
		s.escaped = false
		s.keep(p[:1])
		return 1
	}
	const window = 64 // so that a string full of escapes is not searched again and again
	p = p[:min(len(p), window)]
	n := bytes.IndexByte(p, '"')
	if n < 0 {
		n = len(p)
	}
	if escape := bytes.IndexByte(p[:n], '\\'); escape >= 0 {
		n = escape
	}
	s.keep(p[:n])
	if n == len(p) {
		return n
	}
	if p[n] == '\\' {
		s.keep(p[n : n+1])
		s.escaped = true
	} else {
		s.endString()
	}
	return n + 1
}

// keep adds to the scalar, as far as it is kept.
func (s *scanner) keep(p []byte) {
	if s.scalar == nil {
		s.scalar = make([]byte, 0, maxScalar)
	}
	room := maxScalar - len(s.scalar)
	if len(p) > room {
		p, s.long = p[:room], true
	}
	s.scalar = append(s.scalar, p...)
}

func (s *scanner) readByte(c byte) {
	switch c {
	case '"':
		s.endScalar()
		s.inString = true
	case '{', '[':
		s.endScalar()
		s.push(c == '[')
	case '}', ']':
		s.endScalar()
		s.pop()
	case ':':
		s.endScalar()
	case ',':
		s.endScalar()
		if f := s.top(); f != nil && !f.array {
			f.key, s.path = false, s.path[:f.base]
		}
	case ' ', '\t', '\r', '\n':
		s.endScalar()
	default:
		s.inScalar = true
		s.keep([]byte{c})
	}
}

func (s *scanner) top() *frame {
	if len(s.frames) == 0 {
		return nil
	}
	return &s.frames[len(s.frames)-1]
}

func (s *scanner) push(array bool) {
	if len(s.frames) == maxDepth || len(s.path) > maxPath {
		s.lost = true
		return
	}
	if array {
		s.path = append(s.path, "[]"...)
	}
	s.frames = append(s.frames, frame{array: array, base: len(s.path)})
}

func (s *scanner) pop() {
	f := s.top()
	if f == nil {
		return
	}
	s.path = s.path[:f.base]
	if f.array {
		s.path = s.path[:f.base-len("[]")]
	}
	if s.frames = s.frames[:len(s.frames)-1]; len(s.frames) > 0 {
		return
	}
	s.path = s.path[:0]
	if s.ended != nil && !f.array { // [DONE] is none
		s.ended()
	}
}

// endString takes a string for a key or a value.
func (s *scanner) endString() {
	s.inString = false
	if f := s.top(); f != nil && !f.array && !f.key {
		f.key = true
		s.path = s.path[:f.base]
		if f.base > 0 {
			s.path = append(s.path, '.')
		}
		if s.long || len(s.scalar) > maxName {
			s.scalar = append(s.scalar[:0], "?"...) // a path that nobody wants
		}
		s.path = append(s.path, s.scalar...)
	} else {
		s.report(true)
	}
	s.scalar, s.long = s.scalar[:0], false
}

// endScalar reports a number, true, false or null.
func (s *scanner) endScalar() {
	if s.inScalar {
		s.report(false)
	}
	s.inScalar, s.scalar, s.long = false, s.scalar[:0], false
}

func (s *scanner) report(text bool) {
	if len(s.frames) > 0 {
		s.found(s.path, value{s.scalar, text})
	}
}
