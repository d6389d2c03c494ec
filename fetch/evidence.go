package fetch

import (
	"errors"
	"fmt"
)

// Evidence is what tells that a file has the right content.
type Evidence int

// Kinds of evidence, weakest first. The zero Evidence is none.
const (
	EvidenceNone   Evidence = iota
	EvidenceSize            // the server's length of it, or its mark of the end
	EvidenceServer          // a digest that the server sent with it
	EvidenceSums            // a digest in a list, such as SHA256SUMS
	EvidencePinned          // a digest that the user gave
)

// String returns the name that [ParseEvidence] reads, or for those that cannot be
// asked for, a word for people.
func (e Evidence) String() string {
	return [...]string{"none", "size", "server", "sums", "pinned"}[e]
}

// ParseEvidence reads the least evidence to accept.
func ParseEvidence(s string) (Evidence, error) {
	for _, e := range []Evidence{EvidenceSize, EvidenceServer, EvidencePinned} {
		if e.String() == s {
			return e, nil
		}
	}
	return 0, errors.New("want pinned, server or size")
}

// A DigestError tells that a file has another content than the one asked for.
type DigestError struct {
	Source    string // as it may be shown
	Want, Got Digest
	Evidence  Evidence // that Want is
	Looks     string   // what the content looks like, such as "an HTML page"; "" if like nothing known
}

func (e *DigestError) Error() string {
	text := fmt.Sprintf("fetch %s: digest mismatch: want %s (%s), got %s", e.Source, e.Want, e.Evidence, e.Got)
	if e.Looks != "" {
		text += ": what was sent is " + e.Looks
	}
	return text
}

// An EvidenceError tells that less speaks for the content than was asked for.
type EvidenceError struct {
	Source    string // as it may be shown
	Want, Got Evidence
}

func (e *EvidenceError) Error() string {
	return fmt.Sprintf("fetch %s: evidence wanted: %s, there is: %s", e.Source, e.Want, e.Got)
}

// A LocalError tells what a file system refused. Another source would not help.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// evidenceNamed is the inverse of [Evidence.String].
func evidenceNamed(s string) (Evidence, bool) {
	for e := EvidenceNone; e <= EvidencePinned; e++ {
		if e.String() == s {
			return e, true
		}
	}
	return 0, false
}
