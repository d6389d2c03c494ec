package mask

import (
	"strings"
	"testing"
)

// FuzzTraits holds that no detector is passed by: where its pattern finds something, the string has what it wants.
func FuzzTraits(f *testing.F) {
	for _, s := range []string{
		"-----BEGIN A-----x", "eyJabcdefgh.abcd", "://u:p@h", `"ab": "c"`, "a=b ab=c", "xoxb-0123456789", "Bearer 0123456789abcdef", "BEARER  0123456789abcdef=", "a@b.c", "4111-1111 1111-1111",
		"sk-0123456789abcdef", "x sk_live_0123456789", "a-hvs.0123456789abcdefghij", "AKIA0123456789ABCDEF", "r8_0123456789abcdefghijklmn", "ya29.0123456789abcdef", "glpat-0123456789abcdef",
	} {
		f.Add(s)
	}
	m := New(nil)
	f.Fuzz(func(t *testing.T, s string) {
		has := m.traitsOf(s)
		for _, d := range m.detectors {
			p := m.Begin()
			if masked := d.mask(p, s); masked != s && (has&d.wants != d.wants || d.maybe != nil && !d.maybe(s)) {
				t.Errorf("%q has %b, and the detector wants %b: %q", s, has, d.wants, masked)
			}
		}
		for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r > 0x7f || m.traits[byte(r)]&keyByte == 0 }) {
			if apiKey().MatchString(word) && (len(word) < minKey || !holdsKey(word)) {
				t.Errorf("%q is no key", word)
			}
		}
	})
}
