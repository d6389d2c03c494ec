package probe

import (
	"bytes"
	"errors"
	"net"
)

// What an answer to our few commands may announce. go-redis allocates what a
// server announces before it has arrived: thirteen bytes from a server that is
// no Redis, or means ill, would take gigabytes.
const (
	maxRESPLength = 128      // elements of an array or map
	maxRESPBulk   = 4 << 10  // bytes of a string
	maxRESPTotal  = 32 << 10 // bytes of all answers on a connection
)

var errRESPTooLarge = errors.New("an answer larger than any that Redis gives to a probe")

// A respLimiter ends a connection whose answers are not those of a Redis that is
// asked for its readiness. It looks at what stands at the start of each line,
// also within strings: none of the answers we ask for has such a line there.
type respLimiter struct {
	net.Conn
	total     int
	lineStart bool
	limit     int // of the number that is being read, 0 if none is
	number    int
}

func (l *respLimiter) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.total += n
	if l.total > maxRESPTotal || !l.accepts(b[:n]) {
		return 0, errRESPTooLarge
	}
	return n, err
}

func (l *respLimiter) accepts(b []byte) bool {
	for _, c := range b {
		switch {
		case l.lineStart:
			l.limit, l.number = announces(c), 0
		case l.limit > 0 && '0' <= c && c <= '9':
			l.number = l.number*10 + int(c-'0')
			if l.number > l.limit {
				return false
			}
		default:
			l.limit = 0
		}
		l.lineStart = c == '\n'
	}
	return true
}

// announces returns the limit of the number that follows a type, 0 if it
// announces no length.
func announces(kind byte) int {
	switch {
	case bytes.IndexByte([]byte("*%~>|"), kind) >= 0:
		return maxRESPLength
	case bytes.IndexByte([]byte("$=!"), kind) >= 0:
		return maxRESPBulk
	default:
		return 0
	}
}
