package fetch

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// A sum is an entry of a list of digests.
type sum struct {
	digest Digest
	path   string // "": the list does not name the file
}

// parseSums reads a list as sha256sum -c does: lines of sha256sum, sha512sum or b3sum,
// plain or with --tag, and those of openssl dgst. What is no entry is skipped, and so are
// digests that are too weak to be pinned. The digests of b3sum are as long as those of
// sha256sum: with isBlake3, digests that do not name their algorithm are taken for its.
func parseSums(list []byte, isBlake3 bool) []sum {
	const byteOrderMark = "\ufeff"
	var all []sum
	for line := range bytes.Lines(bytes.TrimPrefix(list, []byte(byteOrderMark))) {
		if s := parseSum(strings.TrimSpace(string(line)), isBlake3); s.digest != (Digest{}) {
			all = append(all, s)
		}
	}
	return all
}

// parseSum reads a line of a list. A backslash in front means that the name is escaped.
func parseSum(line string, isBlake3 bool) sum {
	line, escaped := strings.CutPrefix(line, `\`)
	s := parsePlain(line, isBlake3)
	if s.digest == (Digest{}) {
		s = parseTagged(line)
	}
	if escaped {
		s.path = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(s.path)
	}
	if s.path == "-" || s.path == "stdin" { // of a pipe, as sha256sum and openssl name it
		s.path = ""
	}
	return s
}

// parsePlain reads a line such as "9f86…  model.bin", in which "*" may stand in front of
// the name, or "sha256:9f86…  model.bin".
func parsePlain(line string, isBlake3 bool) sum {
	const blank = " \t"
	value, name := line, ""
	if i := strings.IndexAny(line, blank); i >= 0 {
		value, name = line[:i], line[i+1:]
	}
	if name != "" && strings.ContainsRune(" *", rune(name[0])) { // text or binary
		name = name[1:]
	}
	return sum{plainDigest(value, isBlake3), strings.TrimLeft(name, blank)}
}

// plainDigest reads a digest whose length tells its algorithm, if it does not name one.
func plainDigest(value string, isBlake3 bool) Digest {
	const sha256Digits, sha512Digits = 64, 128
	switch {
	case strings.Contains(value, ":"):
		d, _ := ParseDigest(value)
		return d
	case len(value) == sha256Digits && isBlake3:
		return source.AnyDigest("blake3:" + value)
	case len(value) == sha256Digits:
		return source.AnyDigest("sha256:" + value)
	case len(value) == sha512Digits:
		return source.AnyDigest("sha512:" + value)
	default:
		return Digest{}
	}
}

// parseTagged reads a line such as "SHA256 (model.bin) = 9f86…" or, as openssl writes
// it, "SHA2-256(model.bin)= 9f86…".
func parseTagged(line string) sum {
	algorithm, rest, _ := strings.Cut(line, "(")
	end := max(0, strings.LastIndexByte(rest, ')'))
	value, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimPrefix(rest[end:], ")")), "=")
	if !ok {
		return sum{}
	}
	algorithm = strings.NewReplacer("sha2-", "sha", "sha-", "sha").Replace(strings.ToLower(strings.TrimSpace(algorithm)))
	d, _ := ParseDigest(algorithm + ":" + strings.TrimSpace(value))
	return sum{d, rest[:end]}
}

// isBlake3List reports whether a list is one of b3sum's, by its name.
func isBlake3List(name string) bool {
	name = strings.ToLower(path.Base(name))
	return strings.Contains(name, "b3sum") || strings.Contains(name, "blake3")
}

// findSum returns the digest that a list has of the file at a path. A list of a single
// digest without a name is taken for the file's. Of several files with its name, the one
// is meant whose path agrees best with that of the file.
func findSum(all []sum, file string) (Digest, error) {
	if len(all) == 1 && all[0].path == "" {
		return all[0].digest, nil
	}
	var best []sum
	most := 1
	for _, s := range all {
		n := agreement(s.path, file)
		if n > most {
			best, most = nil, n
		}
		if n == most {
			best = append(best, s)
		}
	}
	if len(best) == 0 {
		return Digest{}, fmt.Errorf("no digest for %q in the list, which has %d", path.Base(file), len(all))
	}
	for _, s := range best[1:] {
		if s.contradicts(best[0]) {
			return Digest{}, &usererr.Error{
				Text: fmt.Sprintf("the list has several digests for %q, and the path of SOURCE does not tell which one is meant", path.Base(file)),
				Hint: "give the digest with --sha256",
			}
		}
	}
	return best[0].digest, nil
}

// contradicts reports whether two entries cannot be of the same file. Digests of one
// path may be of several algorithms.
func (s sum) contradicts(other sum) bool {
	return s.digest != other.digest && (s.digest.Algorithm == other.digest.Algorithm || s.path != other.path)
}

// agreement returns how well the path of an entry fits that of a file: 0 if the names
// differ, more for each directory in front that is the same, and for an entry that has no
// other ones.
func agreement(entry, file string) int {
	theirs, ours := segments(entry), segments(file)
	same := 0
	for i := range min(len(theirs), len(ours)) {
		if theirs[i] != ours[i] {
			break
		}
		same++
	}
	if same > 0 && same == len(theirs) {
		return 2*same + 1
	}
	return 2 * same
}

// segments returns the elements of a path, the last one first.
func segments(name string) []string {
	all := strings.Split(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	slices.Reverse(all)
	return all
}
