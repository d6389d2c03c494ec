package fetch

import (
	"strings"
	"testing"
)

var (
	zeros  = strings.Repeat("00", 32)
	digits = strings.Repeat("ab", 32)
	long   = strings.Repeat("cd", 64)
)

// TestSums reads lists as sha256sum -c takes them, and as openssl and others write them.
func TestSums(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{ // "": none
		digits + "  model.bin\n":                                    "sha256:" + digits,
		digits + " *model.bin\r\n":                                  "sha256:" + digits,
		digits + " model.bin":                                       "sha256:" + digits,
		digits + "\tmodel.bin":                                      "sha256:" + digits,
		digits + "\t*model.bin":                                     "sha256:" + digits,
		" \t" + digits + "  \tmodel.bin \t":                         "sha256:" + digits,
		strings.ToUpper(digits) + "  dist/model.bin":                "sha256:" + digits,
		zeros + "  other.bin\n" + long + "  ./model.bin\n":          "sha512:" + long,
		"# SHA-256\n\n" + zeros + "  x\n" + digits + "  model.bin":  "sha256:" + digits,
		"\ufeff" + digits + "  model.bin":                           "sha256:" + digits,
		`\` + digits + `  a\\b\n/model.bin`:                         "sha256:" + digits,
		`\` + digits + ` *model\\.bin`:                              "",
		"sha256:" + digits + "  model.bin":                          "sha256:" + digits,
		"SHA512:" + long + " *model.bin":                            "sha512:" + long,
		"sha256:" + digits:                                          "sha256:" + digits,
		"SHA256 (model.bin) = " + digits:                            "sha256:" + digits,
		"SHA256(model.bin)= " + digits:                              "sha256:" + digits,
		"SHA256(model.bin)=" + digits:                               "sha256:" + digits,
		"SHA2-256(dist/model.bin)= " + digits:                       "sha256:" + digits,
		"sha-512 (model.bin) = " + strings.ToUpper(long):            "sha512:" + long,
		`\SHA256 (a\nb/model.bin) = ` + digits:                      "sha256:" + digits,
		"SHA256 (x) = y/model.bin) = " + digits:                     "sha256:" + digits,
		"BLAKE3 (model.bin) = " + digits:                            "blake3:" + digits,
		"SHA256(stdin)= " + digits:                                  "sha256:" + digits,
		digits:                                                      "sha256:" + digits,
		digits + "  -":                                              "sha256:" + digits,
		"\n# of model.bin\n" + digits + "\n":                        "sha256:" + digits,
		digits + "\n" + digits:                                      "",
		digits + "  model.bin.sig":                                  "",
		digits + "  model.bin (1) = x":                              "",
		"MD5 (model.bin) = " + digits[:32]:                          "",
		"md5:" + digits[:32] + "  model.bin":                        "",
		digits[:32] + "  model.bin":                                 "",
		digits[:63] + "g  model.bin":                                "",
		"SHA256 (model.bin) = " + digits[:62]:                       "",
		"SHA256 model.bin) = " + digits:                             "",
		"<html>model.bin</html>":                                    "",
		"":                                                          "",
		`\`:                                                         "",
		"()":                                                        "",
		"(model.bin)= " + digits:                                    "",
		"SHA256 (model.bin) = " + digits + " (pinned)":              "",
		"sha256:" + digits[:62] + "  model.bin\n" + zeros + "  y\n": "",
	} {
		got, err := findSum(parseSums([]byte(list), false), "/v2/model.bin")
		if got.String() != want || (err == nil) == (want == "") {
			t.Errorf("%q: %v, %v; want %q", list, got, err, want)
		}
	}
}

func TestBlake3Sums(t *testing.T) {
	t.Parallel()
	list := []byte(digits + "  model.bin\nsha256:" + zeros + "  other.bin\n")
	for name, want := range map[string]string{
		"/B3SUMS": "blake3:" + digits, "/v2/x.blake3": "blake3:" + digits, "/SHA256SUMS": "sha256:" + digits, "/b3sum/x": "sha256:" + digits,
	} {
		all := parseSums(list, isBlake3List(name))
		got, err := findSum(all, "/model.bin")
		other, _ := findSum(all, "/other.bin")
		if got.String() != want || err != nil || other.String() != "sha256:"+zeros {
			t.Errorf("%s: %v, %v, %v; want %q", name, got, other, err, want)
		}
	}
}

// TestSameName has several files of one name in a list: the path of the source tells them
// apart, or none is chosen.
func TestSameName(t *testing.T) {
	t.Parallel()
	const refused, ours = false, true
	for _, tt := range []struct {
		lists string // of paths: the first one's digest is the right one
		file  string
		want  bool
	}{
		{"linux/model.bin windows/model.bin", "/v2/linux/model.bin", ours},
		{"./linux/model.bin ./windows/model.bin", "/v2/linux/model.bin", ours},
		{"dist/linux/model.bin dist/windows/model.bin", "/v2/linux/model.bin", ours},
		{"model.bin old/model.bin", "/v2/model.bin", ours},
		{"old/model.bin model.bin", "/v2/old/model.bin", ours},
		{"b/model.bin notb/model.bin", "/b/model.bin", ours},
		{"/srv/a/model.bin /srv/b/model.bin", "/a/model.bin", ours},
		{"linux/model.bin windows/model.bin", "/v2/model.bin", refused},
		{"a/linux/model.bin b/linux/model.bin", "/linux/model.bin", refused},
		{"model.bin model.bin", "/model.bin", refused},
		{"model.bin ./model.bin", "/model.bin", refused},
	} {
		first, second, _ := strings.Cut(tt.lists, " ")
		for _, list := range []string{digits + "  " + first + "\n" + zeros + "  " + second, zeros + "  " + second + "\n" + digits + "  " + first} {
			got, err := findSum(parseSums([]byte(list), false), tt.file)
			if (err == nil) != tt.want || tt.want && got.Hex != digits {
				t.Errorf("%s of %q: %v, %v", tt.file, list, got, err)
			}
		}
	}
	for _, list := range []string{
		digits + "  a/model.bin\n" + digits + "  b/model.bin",
		"SHA256 (model.bin) = " + digits + "\nSHA512 (model.bin) = " + long,
	} {
		if got, err := findSum(parseSums([]byte(list), false), "/model.bin"); got.Hex != digits || err != nil {
			t.Errorf("%q: %v, %v; want what does not contradict", list, got, err)
		}
	}
}
