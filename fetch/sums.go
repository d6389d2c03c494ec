package fetch

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/inith/inith/fetch/source"
)

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
	const sha256Digits, sha512Digits = 64, 128
	value, file, _ := strings.Cut(line, " ")
	file = strings.TrimPrefix(strings.TrimLeft(file, " "), "*")
	switch {
	case len(value) == sha256Digits && isBlake3:
		return source.AnyDigest("blake3:" + value), file
	case len(value) == sha256Digits:
		return source.AnyDigest("sha256:" + value), file
	case len(value) == sha512Digits:
		return source.AnyDigest("sha512:" + value), file
	default:
		return Digest{}, file
	}
}
