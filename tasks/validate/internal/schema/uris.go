package schema

import (
	"net/netip"
	"strings"
)

const (
	letters    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	unreserved = letters + "0123456789-._~"
	delimiters = "!$&'()*+,;="
)

// isURI reports whether s is a URI of RFC 3986, or a reference, with or without
// the characters of an IRI of RFC 3987.
func isURI(s string, absolute, international bool) bool {
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	if !isEscaped(fragment, ":@/?", international) || !isEscaped(query, ":@/?", international) {
		return false
	}
	scheme, rest, ok := strings.Cut(s, ":")
	isScheme := ok && scheme != "" && strings.Contains(letters, scheme[:1]) && strings.Trim(scheme, letters+"0123456789+-.") == ""
	switch {
	case isScheme:
		s = rest
	case absolute || ok && !strings.Contains(scheme, "/"):
		return false
	}
	if authority, ok := strings.CutPrefix(s, "//"); ok {
		authority, path, _ := strings.Cut(authority, "/")
		return isAuthority(authority, international) && isEscaped(path, ":@/", international)
	}
	return isEscaped(s, ":@/", international)
}

func isAuthority(s string, international bool) bool {
	user, host, ok := strings.Cut(s, "@")
	if !ok {
		user, host = "", s
	}
	if !isEscaped(user, ":", international) {
		return false
	}
	if literal, ok := strings.CutPrefix(host, "["); ok {
		address, port, ok := strings.Cut(literal, "]")
		a, err := netip.ParseAddr(address)
		return ok && err == nil && a.Is6() && isPort(port)
	}
	name, port := host, ""
	if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	return isEscaped(name, "", international) && isPort(port)
}

// isPort reports whether s is nothing, or a colon and digits.
func isPort(s string) bool {
	return s == "" || s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// isEscaped reports whether all characters of s are ones that need no escape, or
// among others, or are escaped.
func isEscaped(s, others string, international bool) bool {
	for i, c := range s {
		switch {
		case c == '%':
			if len(s) < i+3 || strings.Trim(s[i+1:i+3], "0123456789abcdefABCDEF") != "" {
				return false
			}
		case c >= 0x80:
			if !international {
				return false
			}
		case !strings.ContainsRune(unreserved+delimiters+others, c):
			return false
		}
	}
	return true
}

// isURITemplate reports whether the braces of s pair up around names.
func isURITemplate(s string) bool {
	for {
		before, rest, open := strings.Cut(s, "{")
		if strings.ContainsAny(before, "} \"'<>\\^`|") {
			return false
		}
		if !open {
			return true
		}
		expression, after, closed := strings.Cut(rest, "}")
		if !closed || expression == "" || strings.ContainsAny(expression, "{ \"'<>\\^`") {
			return false
		}
		s = after
	}
}
