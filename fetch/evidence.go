package fetch

import (
	"context"
	"errors"
	"strings"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/source"
)

// Evidence is what shows that a file has the right content.
type Evidence int

// Kinds of evidence, weakest first. The zero Evidence is none.
const (
	EvidenceNone    Evidence = iota
	EvidenceSize             // the server's length of it, or its mark of the end
	EvidenceServer           // a digest that the server sent with it
	EvidenceSums             // a digest in a list, such as SHA256SUMS
	EvidenceContent          // the digest that is the object's address: any object of this name has these bytes
	EvidencePinned           // a digest that the user gave
)

// String returns the name that [ParseEvidence] reads, or for EvidenceNone, which cannot
// be asked for, a word for people.
func (e Evidence) String() string {
	return [...]string{"none", "size", "server", "sums", "content", "pinned"}[e]
}

// ParseEvidence reads the least evidence to accept.
func ParseEvidence(s string) (Evidence, error) {
	if e, ok := evidenceNamed(s); ok && e != EvidenceNone {
		return e, nil
	}
	return 0, errors.New("want " + strings.Join(EvidenceNames()[:EvidencePinned-1], ", ") + " or " + EvidenceSize.String())
}

// EvidenceNames returns what [ParseEvidence] reads, strongest first.
func EvidenceNames() []string {
	var names []string
	for e := EvidencePinned; e > EvidenceNone; e-- {
		names = append(names, e.String())
	}
	return names
}

// evidenceNamed is the inverse of [Evidence.String].
func evidenceNamed(s string) (Evidence, bool) {
	for e := EvidenceNone; e <= EvidencePinned; e++ {
		if e.String() == s {
			return e, true
		}
	}
	return 0, false
}

// ofDigests returns the evidence that the digests of a source are, given whether they are the
// address of the object. If only a list tells what is in a directory, they are the list's.
func (t *Transfer) ofDigests(digests []Digest, addressed bool) Evidence {
	switch {
	case len(digests) == 0:
		return EvidenceSize
	case t.file.listed():
		return EvidenceSums
	case addressed:
		return EvidenceContent
	default:
		return EvidenceServer
	}
}

// findDigest finds the digest that the file must have.
func (t *Transfer) findDigest(ctx context.Context) error {
	switch {
	case t.file.Digest != (Digest{}):
		t.want, t.level = t.file.Digest, EvidencePinned
	case t.file.SumsURL != nil && t.want == (Digest{}) && !t.file.listed():
		return t.findInSums(ctx)
	}
	return nil
}

// findInSums finds the digest in a list.
func (t *Transfer) findInSums(ctx context.Context) error {
	all, list, err := t.list(ctx)
	if err != nil {
		return err
	}
	if t.want, err = findSum(all, t.file.URL.Path); err != nil {
		return &SourceError{Source: list.Name(), Err: err}
	}
	t.level = EvidenceSums
	return nil
}

// check returns what to compare with, given the server's digests, and the evidence that
// this is.
func (t *Transfer) check(server []Digest, addressed bool) (engine.Check, Evidence) {
	if t.want != (Digest{}) {
		return engine.Check{Main: t.want.Algorithm, Wanted: []Digest{t.want}}, t.level
	}
	return engine.Check{Main: "sha256", Wanted: server}, t.ofDigests(server, addressed)
}

// judge refuses a check that is less than the evidence asked for.
func (t *Transfer) judge(s source.Source, server []Digest) (engine.Check, error) {
	c, level := t.check(server, t.addressed)
	if level < t.file.Evidence {
		return c, &EvidenceError{Source: s.Name(), Want: t.file.Evidence, Got: level}
	}
	t.got = level
	return c, nil
}
