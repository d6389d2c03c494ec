package fetch

import (
	"strings"
	"testing"

	"github.com/inith/inith/fetch/source"
)

// TestObjectNames has a name for each digest that nobody can make another file for, and for no other.
func TestObjectNames(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789abcdef", 8)
	for _, algorithm := range []string{"sha256", "sha512", "blake3", "git-blob-0", "git-blob-1234", "sha1", "md5", "crc32c", "crc64nvme"} {
		size := 2 * source.NewHash(algorithm).Size()
		d := Digest{Algorithm: algorithm, Hex: digits[:size]}
		want := d
		if strings.Contains("sha1 md5 crc32c crc64nvme", algorithm) {
			want = Digest{}
		}
		if got := objectDigest(objectName(d)); got != want || objectKey([]Digest{d}) != want {
			t.Errorf("%s: got %v, want %v", d, got, want)
		}
	}
	for _, name := range []string{
		"", "-", "sha256", "sha256-", "-" + digits[:64], "sha256-" + digits[:63], "sha256-" + digits[:65], "sha256-" + strings.ToUpper(digits[:64]),
		"SHA256-" + digits[:64], "sha256:" + digits[:64], "git-blob-01-" + digits[:40], "git-blob-" + digits[:40], ".inith", "sha256-" + digits[:63] + "/",
	} {
		if got := objectDigest(name); got != (Digest{}) {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestObjectKey prefers the digest that most other sources know too.
func TestObjectKey(t *testing.T) {
	t.Parallel()
	var all []Digest
	for _, algorithm := range []string{"md5", "git-blob-7", "sha512", "sha256"} {
		all = append(all, Digest{Algorithm: algorithm, Hex: "00"})
	}
	for n, want := range []Digest{{}, {}, all[1], all[2], all[3]} {
		if got := objectKey(all[:n]); got != want {
			t.Errorf("of %d: got %v, want %v", n, got, want)
		}
	}
}
