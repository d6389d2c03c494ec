package schema_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, texts := range map[string]struct{ valid, invalid []string }{
		"date-time": {
			[]string{"2024-02-29T23:59:59Z", "1990-12-31T23:59:60Z", "1990-12-31T15:59:60.123-08:00", "2024-01-01t00:00:00z"},
			[]string{"2023-02-29T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "1990-12-31T12:59:60Z", "2024-01-01T00:00:00+25:00"},
		},
		"date":         {[]string{"2024-12-31"}, []string{"2024-13-01", "2024-1-1", "20240101", "2024-01-01T"}},
		"time":         {[]string{"08:30:06Z", "08:30:06.5+01:00", "23:59:60Z"}, []string{"08:30:06", "8:30:06Z", "08:30:06.Z", "24:00:00Z", "08:30:60Z"}},
		"duration":     {[]string{"P4DT12H30M5S", "PT1M", "P2W", "P1Y2M3D", "PT0S"}, []string{"P", "PT", "1D", "P1W2D", "P1D2H", "P1Y2D"}},
		"email":        {[]string{"joe@example.com", "a+b@x.co", `"j b"@example.com`, "joe@[127.0.0.1]"}, []string{"joe", "@x", "joe@", "joe..b@x.com", ".joe@x.com", "joe@-x.com", "Joe <joe@x.com>"}},
		"hostname":     {[]string{"example.com", "a", "xn--4gbwdl.xn--wgbh1c", "1.2.3"}, []string{"", "-a", "a-", "a_b", "a..b", strings.Repeat("a", 64), "é.com"}},
		"idn-hostname": {[]string{"é.com", "実例。テスト", "a.b"}, []string{"-é", "", "a b"}},
		"ipv4":         {[]string{"127.0.0.1"}, []string{"127.0.0", "256.0.0.1", "01.2.3.4", "::1", "0x7f000001"}},
		"ipv6":         {[]string{"::1", "fe80::1:2", "::ffff:1.2.3.4"}, []string{"127.0.0.1", "fe80::1%eth0", "1::2::3", "12345::"}},
		"uri":          {[]string{"http://u@h:80/p?q#f", "urn:a:b", "http://[::1]/", "mailto:a@b"}, []string{"/p", "//h/p", "http://a b", "http://h/%zz", "http://[1::2", "http://h:x/", "a:b\\c", "é:x", "http://h/é"}},
		"uri-reference": {
			[]string{"/p", "a/b:c", "#f", "?q", "", "//h"},
			[]string{"\\a", "a b", "#a b", "1:b"},
		},
		"iri":                   {[]string{"http://é/ü"}, []string{"/é", "http://é/ "}},
		"iri-reference":         {[]string{"/é"}, []string{"a b"}},
		"uri-template":          {[]string{"/a/{b}/{?c,d*}", "/a"}, []string{"/a/{b", "/a}b", "/{}", "/{a{b}}"}},
		"uuid":                  {[]string{"2EB8AA08-aa98-11ea-b4aa-73b441d16380"}, []string{"2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa98-11ea-b4aa-73b441d163800", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g"}},
		"json-pointer":          {[]string{"", "/a~1b/0/~0"}, []string{"a", "/a~", "/~2"}},
		"relative-json-pointer": {[]string{"0", "1/a", "0#"}, []string{"/a", "-1/a", "01/a", "0##"}},
		"regex":                 {[]string{"^a+$", "(?=x)y", `(a)\1`, `\p{Letter}`, "[^]]"}, []string{"a(", `\a`, "[", "*"}},
		"nobody-knows":          {[]string{"anything"}, nil},
	} {
		s := compile(t, fmt.Sprintf(`{"format": %q}`, format))
		for want, list := range map[int][]string{0: texts.valid, 1: texts.invalid} {
			for _, text := range list {
				got, err := s.Validate(&document.Node{Kind: document.String, Text: text})
				if err != nil || len(got) != want {
					t.Errorf("%s %q: %d violations %v, want %d", format, text, len(got), err, want)
				}
			}
		}
		if got, _ := s.Validate(&document.Node{Kind: document.Int, Text: "1"}); len(got) > 0 {
			t.Errorf("%s: a number has a format", format)
		}
	}
}

func TestPatternsMeanWhatJavaScriptMeans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{`^\d+$`, "12", true},
		{`^\d+$`, "١", false},
		{`^\s$`, "\u00a0", true},
		{`^[\s,]+$`, "\ufeff,", true},
		{`^\S+$`, "a\u2003", false},
		{`^\u0041\x42\u{43}$`, "ABC", true},
		{`^\cA$`, "\x01", true},
		{`^\0$`, "\x00", true},
		{`^a\/b\-c$`, "a/b-c", true},
		{`^[[]$`, "[", true},
		{`^[^]$`, "\n", true},
		{`^[[:alpha:]]$`, "a", false},
		{`^\p{Letter}+$`, "é", true},
		{`^\p{Script=Greek}$`, "α", true},
		{`(?<year>\d{4})`, "2024", true},
		{`b`, "abc", true},
		{`^a$`, "a\n", false},
	} {
		s := compile(t, `{"pattern": `+strconv.Quote(tt.pattern)+`}`)
		got, err := s.Validate(&document.Node{Kind: document.String, Text: tt.text})
		if err != nil || (len(got) == 0) != tt.want {
			t.Errorf("%s on %q: %v %v, want %t", tt.pattern, tt.text, got, err, tt.want)
		}
	}
}
