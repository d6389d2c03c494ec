package source

import (
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
	"hash/crc64"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/inith/inith/internal/suggest"
)

// A Digest is the value of a hash function over a whole file. The zero Digest is
// none.
type Digest struct {
	// "sha256", "sha512", "blake3"; a server's also "sha1", "md5", "crc32", "crc32c", "crc64nvme", and "git-blob-N" of N bytes
	Algorithm string

	Hex string // lower case
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
		{"crc32", crc32.Size, false, func() hash.Hash { return crc32.NewIEEE() }},
		{"crc64nvme", crc64.Size, false, func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) }},
	}
}

// nvme is the polynomial that Amazon's store takes for the checksums of new objects, reversed
// (NVM Express NVM Command Set Specification 1.0d, section 5.2.1.3.4).
const nvme = 0x9a6c9329ac4bc9b5

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// NewHash returns the hash function of a [Digest] that was parsed.
func NewHash(algorithm string) hash.Hash {
	if a, ok := digestAlgorithmOf(algorithm); ok {
		return a.create()
	}
	return nil
}

func digestAlgorithmOf(name string) (digestAlgorithm, bool) {
	for _, a := range digestAlgorithms() {
		if a.name == name {
			return a, true
		}
	}
	return gitBlob(name)
}

const gitBlobPrefix = "git-blob-"

// gitBlob returns the hash function by which git names a file of as many bytes as the name of
// the algorithm says: SHA-1 over "blob N", a zero byte and the bytes
// (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
func gitBlob(name string) (digestAlgorithm, bool) {
	digits, ok := strings.CutPrefix(name, gitBlobPrefix)
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || size < 0 || digits != strconv.FormatInt(size, 10) {
		return digestAlgorithm{}, false
	}
	return digestAlgorithm{name, sha1.Size, false, func() hash.Hash {
		h := sha1.New() //nolint:gosec // git's
		_, _ = fmt.Fprintf(h, "blob %d\x00", size)
		return h
	}}, true
}

// gitBlobDigest returns the digest that git's name of a file is. The zero Digest stands for one
// that is none.
func gitBlobDigest(size int64, id string) Digest {
	return hexDigest(gitBlobPrefix+strconv.FormatInt(size, 10), id)
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
	want := 2 * a.size
	switch {
	case strings.Trim(value, "0123456789abcdef") != "":
		return Digest{}, fmt.Errorf("not hexadecimal: want %d digits", want)
	case len(value) < want:
		return Digest{}, fmt.Errorf("too short: %s has %d hexadecimal digits, not %d", a.name, want, len(value))
	case len(value) > want:
		return Digest{}, fmt.Errorf("too long: %s has %d hexadecimal digits, not %d", a.name, want, len(value))
	default:
		return Digest{a.name, value}, nil
	}
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

// NewDigest returns the digest that a hash function has come to.
func NewDigest(algorithm string, h hash.Hash) Digest {
	return Digest{algorithm, hex.EncodeToString(h.Sum(nil))}
}

// AnyDigest reads a digest as [Digest.String] writes it, of algorithms too that are too
// weak to be pinned. The zero Digest stands for one that is not valid.
func AnyDigest(s string) Digest {
	name, value, _ := strings.Cut(s, ":")
	return hexDigest(name, value)
}

// hexDigest is [ParseDigest] for what a server says: the zero Digest stands for
// one that is none.
func hexDigest(name, value string) Digest {
	a, ok := digestAlgorithmOf(name)
	if !ok {
		return Digest{}
	}
	d, _ := newDigest(a, strings.ToLower(value))
	return d
}

// String returns the digest as [ParseDigest] reads it.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return d.Algorithm + ":" + d.Hex
}
