package fetch

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // servers announce it
	"crypto/sha1" //nolint:gosec // servers announce it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/inith/inith/internal/suggest"
)

// A Digest is the value of a hash function over a whole file. The zero Digest is
// none.
type Digest struct {
	Algorithm string // "sha256", "sha512", "blake3"; a server's also "sha1", "md5", "crc32c"
	Hex       string // lower case
}

// digestAlgorithm is a row of the table of hash functions.
type digestAlgorithm struct {
	name   string
	size   int  // bytes
	pin    bool // strong enough to be pinned
	create func() hash.Hash
}

func digestAlgorithms() []digestAlgorithm {
	return []digestAlgorithm{
		{"sha256", sha256.Size, true, sha256.New},
		{"sha512", sha512.Size, true, sha512.New},
		{"blake3", 32, true, func() hash.Hash { return blake3.New() }},
		{"sha1", sha1.Size, false, sha1.New},
		{"md5", md5.Size, false, md5.New},
		{"crc32c", crc32.Size, false, func() hash.Hash { return crc32.New(castagnoli()) }},
	}
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// newHash returns the hash function of a [Digest] that was parsed.
func newHash(name string) hash.Hash {
	for _, a := range digestAlgorithms() {
		if a.name == name {
			return a.create()
		}
	}
	return nil
}

// ParseDigest reads a digest to pin, such as "sha256:9f86…". Its errors do not
// quote it.
func ParseDigest(s string) (Digest, error) {
	name, value, ok := strings.Cut(s, ":")
	if !ok {
		return Digest{}, errors.New("want ALGORITHM:HEX, such as sha256:9f86…")
	}
	var names []string
	for _, a := range digestAlgorithms() {
		if !a.pin {
			continue
		}
		if names = append(names, a.name); a.name == strings.ToLower(name) {
			return newDigest(a, strings.ToLower(value))
		}
	}
	return Digest{}, fmt.Errorf("unknown algorithm%s, have %s", suggest.DidYouMean(name, names), strings.Join(names, ", "))
}

func newDigest(a digestAlgorithm, value string) (Digest, error) {
	b, err := hex.DecodeString(value)
	if err != nil {
		return Digest{}, fmt.Errorf("not hexadecimal: want %d digits", 2*a.size)
	}
	if len(b) != a.size {
		return Digest{}, fmt.Errorf("%s has %d hexadecimal digits, not %d", a.name, 2*a.size, len(value))
	}
	return Digest{a.name, value}, nil
}

// base64Digest reads a digest as HTTP headers have it. The zero Digest stands for
// one that is none.
func base64Digest(name, value string) Digest {
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return Digest{}
	}
	return hexDigest(name, hex.EncodeToString(b))
}

// hexDigest is [ParseDigest] for what a server says: the zero Digest stands for
// one that is none.
func hexDigest(name, value string) Digest {
	for _, a := range digestAlgorithms() {
		if a.name == name {
			d, _ := newDigest(a, strings.ToLower(value))
			return d
		}
	}
	return Digest{}
}

// String returns the digest as [ParseDigest] reads it.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return d.Algorithm + ":" + d.Hex
}

// parseSums finds the digest of the file called name in a list such as sha256sum
// or sha512sum write it, or as they write it with --tag (BSD style). The digests
// of b3sum are as long as those of sha256sum: with isBlake3 they are taken for its.
// A list with a single digest and no name is taken for the file's.
func parseSums(list []byte, name string, isBlake3 bool) (Digest, error) {
	lines := bytes.Split(bytes.TrimSpace(list), []byte("\n"))
	for _, line := range lines {
		d, file := parseSum(strings.TrimSpace(string(line)), isBlake3)
		if d == (Digest{}) {
			continue
		}
		if file == "" && len(lines) == 1 || file != "" && file[strings.LastIndexByte(file, '/')+1:] == name {
			return d, nil
		}
	}
	return Digest{}, fmt.Errorf("no digest for %q among its %d lines", name, len(lines))
}

// isBlake3List reports whether a list is one of b3sum's, by its name.
func isBlake3List(path string) bool {
	name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	return strings.Contains(name, "b3sum") || strings.Contains(name, "blake3")
}

// parseSum reads a line of a list, such as "9f86…  model.bin" or "SHA256
// (model.bin) = 9f86…".
func parseSum(line string, isBlake3 bool) (d Digest, file string) {
	if before, value, ok := strings.Cut(line, ") = "); ok {
		name, file, _ := strings.Cut(before, " (")
		d, err := ParseDigest(name + ":" + value) // none of the weak ones
		if err != nil {
			return Digest{}, ""
		}
		return d, file
	}
	value, file, _ := strings.Cut(line, " ")
	file = strings.TrimPrefix(strings.TrimLeft(file, " "), "*")
	switch {
	case len(value) == 2*sha256.Size && isBlake3:
		return hexDigest("blake3", value), file
	case len(value) == 2*sha256.Size:
		return hexDigest("sha256", value), file
	case len(value) == 2*sha512.Size:
		return hexDigest("sha512", value), file
	default:
		return Digest{}, file
	}
}

// hashes are hash functions over the same bytes, by the names of their algorithms.
type hashes map[string]hash.Hash

func newHashes(algorithms []string) hashes {
	all := hashes{}
	for _, name := range algorithms {
		all[name] = newHash(name)
	}
	return all
}

func (h hashes) write(b []byte) {
	for _, one := range h {
		_, _ = one.Write(b) // never fails
	}
}

// sum returns the digest of what was written, by one of the algorithms.
func (h hashes) sum(algorithm string) Digest { return hexSum(algorithm, h[algorithm]) }

func hexSum(algorithm string, h hash.Hash) Digest {
	return Digest{algorithm, hex.EncodeToString(h.Sum(nil))}
}
