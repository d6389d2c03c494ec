package source

import "strings"

// A challenge says how a server wants to be shown who asks (RFC 9110, section 11.6.1). The zero challenge is none.
type challenge struct {
	scheme     string            // in lower case
	parameters map[string]string // by name, in lower case
}

// parseChallenge returns the challenge to answer among those that WWW-Authenticate has: for a token, else for a password.
// What is malformed ends what is read of a header.
func parseChallenge(headers []string) challenge {
	var best challenge
	for _, header := range headers {
		for rest := header; rest != ""; {
			var c challenge
			if c, rest = nextChallenge(rest); c.scheme == "bearer" {
				return c
			} else if c.scheme == "basic" {
				best = c
			}
		}
	}
	return best
}

// nextChallenge reads the first challenge of a list, and returns what follows it.
func nextChallenge(s string) (c challenge, rest string) {
	s = strings.TrimLeft(s, ", \t")
	name, s := word(s)
	if name == "" {
		return challenge{}, ""
	}
	c = challenge{strings.ToLower(name), map[string]string{}}
	for {
		s = strings.TrimLeft(s, ", \t")
		key, after := word(s)
		value, ok := strings.CutPrefix(strings.TrimLeft(after, " \t"), "=")
		if key == "" || !ok { // another challenge, or the end
			return c, s
		}
		var text string
		if text, s, ok = wordOrQuoted(strings.TrimLeft(value, " \t")); !ok {
			return c, ""
		}
		if key = strings.ToLower(key); c.parameters[key] == "" {
			c.parameters[key] = text
		}
	}
}

// word cuts a token off (RFC 9110, section 5.6.2), and what Bearer's own tokens may have.
func word(s string) (first, rest string) {
	end := strings.IndexAny(s, "=,\" \t")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// wordOrQuoted cuts a token or a quoted string off.
func wordOrQuoted(s string) (value, rest string, ok bool) {
	quoted, isQuoted := strings.CutPrefix(s, `"`)
	if !isQuoted {
		value, rest = word(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		switch quoted[i] {
		case '"':
			return b.String(), quoted[i+1:], true
		case '\\':
			if i++; i == len(quoted) {
				return "", "", false
			}
		}
		b.WriteByte(quoted[i])
	}
	return "", "", false
}
