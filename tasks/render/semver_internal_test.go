package render

import (
	"strings"
	"testing"
)

// TestSemverCompare holds which versions satisfy a constraint; those in brackets do not.
func TestSemverCompare(t *testing.T) {
	t.Parallel()
	for constraint, versions := range map[string]string{
		"1.2":                  "1.2.0 1.2.9 v1.2.3+meta [1.3.0] [1.2.3-rc.1]",
		"=1.2.3":               "1.2.3 [1.2.4] [1.2.3-rc.1]",
		"!=1.2.x":              "1.3.0 [1.2.0]",
		">1.2":                 "1.3.0 [1.2.9]",
		"> 1.2.3":              "1.2.4 [1.2.3]",
		"<=1.2":                "1.2.9 1 [1.3.0]",
		"<1.2":                 "1.1.9 [1.2.0]",
		"~1.2.3":               "1.2.9 [1.3.0] [1.2.2]",
		"~1":                   "1.9.0 [2.0.0]",
		"^1.2":                 "1.9.0 [2.0.0] [1.1.0]",
		"^0.2.3":               "0.2.9 [0.3.0]",
		"^0.0.3":               "0.0.3 [0.0.4]",
		"*":                    "0.0.1 9.9.9",
		">=1.2, <2 || 3 - 4.1": "1.9.0 3.0.0 4.1.9 [2.0.0] [4.2.0]",
		">=1.20.0-0":           "v1.27.3-gke.100 1.20.0-alpha [1.19.9]",
		">1.2.3-rc.2":          "1.2.3 1.2.3-rc.10 1.2.3-rc.x [1.2.3-rc.1] [1.2.3-beta]",
	} {
		for text := range strings.FieldsSeq(versions) {
			v := strings.Trim(text, "[]")
			if got, err := semverCompare(constraint, v); err != nil || got != (v == text) {
				t.Errorf("%s for %s: got %t, %v", constraint, v, got, err)
			}
		}
	}
	for _, bad := range []string{"", "what", ">", ">>1", "1.2.3.4", "1 ||", "1.2 -"} {
		if _, err := semverCompare(bad, "1.0.0"); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for _, bad := range []string{"", "x", "one", "1.2.3.4", "1.2.3-", "-1"} {
		if _, err := semverCompare("*", bad); err == nil {
			t.Errorf("version %q is accepted", bad)
		}
	}
}
