package validate

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/lazyregexp"
)

// A SecretRule describes a file that contains one secret. Surrounding white space and quotes, a byte order mark and
// placeholders are always problems.
type SecretRule struct {
	MinLength int // in characters; zero is no limit
}

// check checks a secret file. Its problems have no position, because that would reveal the length of the secret.
func (r *SecretRule) check(path string, data []byte) []*diag.Error {
	text, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	return r.checkText(path, string(text), marked)
}

func (r *SecretRule) checkText(path, text string, marked bool) []*diag.Error {
	var all []*diag.Error
	add := func(wrong bool, rule, message, hint string) {
		if wrong {
			all = append(all, inFile(path, rule, message, hint))
		}
	}
	value := strings.TrimSpace(text)
	add(marked, ruleBOM, "the secret begins with a byte order mark", "save the file as UTF-8 without BOM")
	if value == "" {
		add(true, ruleEmpty, "it contains only white space", "check that the key of the Secret has a value")
		return all
	}
	ends := strings.TrimRightFunc(text, unicode.IsSpace)
	newline := strings.ContainsAny(text[len(ends):], "\r\n")
	lines := strings.ContainsAny(value, "\r\n") || isLine(value) // the newline ends the last line
	add(!newline && strings.HasSuffix(value, "-----END OPENSSH PRIVATE KEY-----"), ruleNoNewline,
		"the OpenSSH private key has no newline at the end, without which ssh rejects it", "create the Secret from the key file itself")
	add(newline && !lines, ruleNewline, "the secret ends with a newline, which most programs read as part of it",
		"create the Secret without it: use printf %s instead of echo, or kubectl create secret --from-literal")
	add(!newline && len(ends) < len(text), ruleSpace, "the secret ends with white space", "remove it")
	add(strings.TrimLeftFunc(text, unicode.IsSpace) != text, ruleSpace, "the secret begins with white space", "remove it")
	add(strings.ContainsRune(text, 0), ruleNUL, "the secret contains a NUL byte", "check that the file is not binary or UTF-16")
	add(quoted(value), ruleQuotes, "the secret is in quotes, which are part of it", "remove them: unlike a shell or YAML, a file needs none")
	add(isPlaceholder(unquoted(value)), rulePlaceholder, "the secret is a placeholder", "replace it with the real value")
	found, isReference := unresolved(value)
	add(isReference, ruleUnresolved, "the secret is not resolved: "+found.what, found.hint)
	add(encodedTwice(value), ruleBase64, "the secret is base64-encoded text: it was encoded twice",
		"encode values under data: of a Secret once, and values under stringData: not at all")
	add(utf8.RuneCountInString(value) < r.MinLength, ruleLength, fmt.Sprintf("the secret is shorter than %d characters", r.MinLength), "check that it is complete")
	return all
}

// lineFormats matches what is a file with a single line, not a word: htpasswd, an SSH public key, .netrc, JSON.
var lineFormats = lazyregexp.New(`^([^:\s]+:(\$(apr1|1|2[abxy]|5|6|y|argon2id?)\$|\{(SHA|SSHA)\})\S+$|(ssh|ecdsa-sha2|sk-ssh)-\S+ AAAA|machine \S+ |\{.*\}$)`)

func isLine(value string) bool { return lineFormats().MatchString(value) }

// quoted reports whether a string is in a pair of quotes.
func quoted(s string) bool { return unquoted(s) != s }

func unquoted(s string) string {
	for _, quote := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// encodedTwice reports whether a string is base64 of text that ends with a newline, which echo adds, or base64 of
// base64. No secret looks like that, but base64 of bytes or of name:password is a valid secret.
func encodedTwice(s string) bool {
	once, ok := decodedText(s)
	if !ok {
		return false
	}
	if strings.HasSuffix(once, "\n") {
		return true
	}
	_, twice := decodedText(once)
	return twice
}

// decodedText decodes base64 of text. It rejects short strings, which could match by chance.
func decodedText(s string) (string, bool) {
	const least = 16
	if len(s) < least {
		return "", false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return "", false
	}
	for _, c := range strings.TrimRight(string(b), "\r\n") {
		if c < ' ' || c > '~' {
			return "", false
		}
	}
	return string(b), true
}
