package engine

import (
	"hash"

	"github.com/inith/inith/fetch/source"
)

// hashes are hash functions over the same bytes, by the names of their algorithms.
type hashes map[string]hash.Hash

func newHashes(algorithms []string) hashes {
	all := hashes{}
	for _, name := range algorithms {
		all[name] = source.NewHash(name)
	}
	return all
}

func (h hashes) write(b []byte) {
	for _, one := range h {
		_, _ = one.Write(b) // never fails
	}
}

// sum returns the digest of what was written, by one of the algorithms.
func (h hashes) sum(algorithm string) source.Digest { return source.NewDigest(algorithm, h[algorithm]) }
