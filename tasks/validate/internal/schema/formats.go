package schema

import (
	"net/mail"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/lazyregexp"
)

// formats returns the known formats and their tests.
func formats() map[string]func(string) bool {
	return map[string]func(string) bool{
		"date-time":             isDateTime,
		"date":                  isDate,
		"time":                  isTime,
		"duration":              isDuration,
		"email":                 isEmail,
		"idn-email":             isEmail,
		"hostname":              isHostname,
		"idn-hostname":          isIDNHostname,
		"ipv4":                  func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() },
		"ipv6":                  func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() && a.Zone() == "" },
		"uri":                   func(s string) bool { return isURI(s, true, false) },
		"uri-reference":         func(s string) bool { return isURI(s, false, false) },
		"iri":                   func(s string) bool { return isURI(s, true, true) },
		"iri-reference":         func(s string) bool { return isURI(s, false, true) },
		"uri-template":          isURITemplate,
		"uuid":                  isUUID,
		"json-pointer":          isPointer,
		"relative-json-pointer": isRelativePointer,
		"regex":                 isRegexp,
	}
}

// isDate reports whether s is a full-date of RFC 3339.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isDateTime(s string) bool {
	return len(s) > 11 && isDate(s[:10]) && (s[10] == 'T' || s[10] == 't') && isTime(s[11:])
}

// isTime reports whether s is a full-time of RFC 3339. It allows a leap second only at the end of a UTC day.
func isTime(s string) bool {
	clock, offset, ok := cutOffset(s)
	if !ok {
		return false
	}
	whole, fraction, point := strings.Cut(clock, ".")
	if point && (fraction == "" || strings.Trim(fraction, "0123456789") != "") || len(whole) != 8 {
		return false
	}
	leap := strings.HasSuffix(whole, ":60")
	if leap {
		whole = whole[:6] + "59"
	}
	t, err := time.Parse(time.TimeOnly, whole)
	if err != nil {
		return false
	}
	utc := t.Add(-offset)
	return !leap || utc.Hour() == 23 && utc.Minute() == 59
}

// cutOffset splits off the UTC offset of a time.
func cutOffset(s string) (string, time.Duration, bool) {
	if clock, ok := strings.CutSuffix(strings.ToUpper(s), "Z"); ok {
		return clock, 0, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < 0 || len(s)-i != len("+00:00") {
		return "", 0, false
	}
	t, err := time.Parse("15:04", s[i+1:])
	offset := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	if s[i] == '-' {
		offset = -offset
	}
	return s[:i], offset, err == nil
}

const (
	timePart = `T(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S)`
	datePart = `(\d+Y(\d+M(\d+D)?)?|\d+M(\d+D)?|\d+D)`
)

var (
	durations      = lazyregexp.New(`^P(\d+W|` + datePart + `(` + timePart + `)?|` + timePart + `)$`)
	backReferences = lazyregexp.New(`\\[1-9]`)
)

// isDuration reports whether s is a duration of RFC 3339, appendix A.
func isDuration(s string) bool {
	return len(s) < 128 && durations().MatchString(s)
}

// isEmail reports whether s is an address without a display name.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > 1024 {
		return false
	}
	a, err := mail.ParseAddress("<" + s + ">")
	if err != nil || a.Name != "" {
		return false
	}
	domain := s[at+1:]
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal = strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "IPv6:")
		_, err := netip.ParseAddr(literal)
		return err == nil
	}
	return isIDNHostname(domain)
}

// isHostname reports whether s is a name of RFC 1123.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return false
		}
	}
	return true
}

// isIDNHostname is isHostname with letters of all scripts. It does not use the IDNA tables.
func isIDNHostname(s string) bool {
	s = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(s)
	if s == "" || utf8.RuneCountInString(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		ascii := strings.Map(func(c rune) rune {
			if c >= 0x80 {
				return 'x'
			}
			return c
		}, label)
		if !isLabel(label) || !isHostname(ascii) {
			return false
		}
	}
	return true
}

func isLabel(label string) bool {
	return label != "" && utf8.RuneCountInString(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
		(len(label) < 4 || label[2:4] != "--" || strings.HasPrefix(strings.ToLower(label), "xn--"))
}

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	return strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// isPointer reports whether s is a JSON pointer.
func isPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

func isRelativePointer(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	digits := s[:len(s)-len(rest)]
	return digits != "" && (digits == "0" || digits[0] != '0') && (rest == "#" || isPointer(rest))
}

// isRegexp reports whether s is a JavaScript regular expression, even one without an equivalent in Go.
func isRegexp(s string) bool {
	without := strings.NewReplacer("(?=", "(?:", "(?!", "(?:", "(?<=", "(?:", "(?<!", "(?:").Replace(s)
	without = backReferences().ReplaceAllString(without, "x")
	_, unsupported := compileRegexp(without)
	return unsupported == ""
}
