package engine

import (
	"fmt"
	"slices"

	"github.com/inith/inith/fetch/source"
)

// A Check is what the bytes are compared with.
type Check struct {
	Main   string          // the algorithm whose digest is reported
	Wanted []source.Digest // by the user or a list, or by the server
}

// A MismatchError means that the bytes have another digest than the wanted one.
type MismatchError struct {
	Want, Got source.Digest
	Looks     string // what the content looks like, such as "an HTML page"; "" if like nothing known
	Earlier   bool   // an earlier run found it, and the object has not changed since
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("digest mismatch: want %s, got %s", e.Want, e.Got)
}

// algorithms returns the hash functions to run, that of the result first.
func (c Check) algorithms() []string {
	all := []string{c.Main}
	for _, d := range c.Wanted {
		if !slices.Contains(all, d.Algorithm) {
			all = append(all, d.Algorithm)
		}
	}
	return all
}

// compare returns a [MismatchError] for the first digest that is not the wanted one, nil
// if all are.
func (c Check) compare(h hashes) *MismatchError {
	for _, want := range c.Wanted {
		if got := h.sum(want.Algorithm); got != want {
			return &MismatchError{Want: want, Got: got}
		}
	}
	return nil
}
