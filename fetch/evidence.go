package fetch

import (
	"context"
	"errors"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/source"
)

// Evidence is what shows that a file has the right content.
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

// evidenceNamed is the inverse of [Evidence.String].
func evidenceNamed(s string) (Evidence, bool) {
	for e := EvidenceNone; e <= EvidencePinned; e++ {
		if e.String() == s {
			return e, true
		}
	}
	return 0, false
}

// findDigest finds the digest that the file must have.
func (t *Transfer) findDigest(ctx context.Context) error {
	switch {
	case t.file.Digest != (Digest{}):
		t.want, t.level = t.file.Digest, EvidencePinned
	case t.file.SumsURL != nil && t.want == (Digest{}):
		return t.findInSums(ctx)
	}
	return nil
}

// findInSums finds the digest in a list.
func (t *Transfer) findInSums(ctx context.Context) error {
	sums, err := t.resolveFile(ctx, t.file.SumsURL)
	if err != nil {
		return err
	}
	list, err := engine.Small(ctx, t.job(sums))
	if err != nil {
		return named(sums.Name(), t.explained(sums, err))
	}
	if t.want, err = findSum(parseSums(list, isBlake3List(t.file.SumsURL.Path)), t.file.URL.Path); err != nil {
		return &SourceError{Source: sums.Name(), Err: err}
	}
	t.level = EvidenceSums
	return nil
}

// check returns what to compare with, given the server's digests, and the evidence that
// this is.
func (t *Transfer) check(server []Digest) (engine.Check, Evidence) {
	if t.want != (Digest{}) {
		return engine.Check{Main: t.want.Algorithm, Wanted: []Digest{t.want}}, t.level
	}
	c := engine.Check{Main: "sha256", Wanted: server}
	if len(server) > 0 {
		return c, EvidenceServer
	}
	return c, EvidenceSize
}

// judge refuses a check that is less than the evidence asked for.
func (t *Transfer) judge(s source.Source, server []Digest) (engine.Check, error) {
	c, level := t.check(server)
	if level < t.file.Evidence {
		return c, &EvidenceError{Source: s.Name(), Want: t.file.Evidence, Got: level}
	}
	t.got = level
	return c, nil
}
