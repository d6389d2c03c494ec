package probe

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// commonKeys are the fragment keys of every kind.
func commonKeys() []string { return []string{"level", "timeout", "settle"} }

// boolKeys are the fragment keys that need no value.
func boolKeys() []string { return []string{"h2c", "insecure-skip-tls-verify"} }

// parseFragment reads key=value pairs that are separated by "&" and
// percent-encoded. No error quotes a value, nor a key that may be part of one.
func parseFragment(raw string, k Kind) (map[string]string, error) {
	keys := map[string]string{}
	if raw == "" {
		return keys, nil
	}
	known := slices.Concat(commonKeys(), k.Keys)
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, hasValue := strings.Cut(pair, "=")
		if !slices.Contains(known, key) {
			return nil, unknownKey(key, known, k)
		}
		if !hasValue && slices.Contains(boolKeys(), key) {
			value = "true"
		}
		value, err := url.PathUnescape(value) // "+" is a plus: patterns and SQL have it
		if err != nil || value == "" {
			return nil, fmt.Errorf("fragment key %q: no value, or not percent-encoded", key)
		}
		if _, twice := keys[key]; twice {
			return nil, fmt.Errorf("fragment key %q is given twice", key)
		}
		keys[key] = value
	}
	return keys, nil
}

func unknownKey(key string, known []string, k Kind) error {
	word := redact.Word(key)
	if word == "" {
		return fmt.Errorf("unknown fragment key: after # comes key=value (in a password, # is %%23); %s knows %s", k.Name, strings.Join(known, ", "))
	}
	return fmt.Errorf("unknown fragment key %q%s; %s knows %s", word, suggest.DidYouMean(key, known), k.Name, strings.Join(known, ", "))
}

// duration returns the value of a key, at least least, or missing.
func (s *spec) duration(key string, least, missing time.Duration) (time.Duration, error) {
	value, ok := s.keys[key]
	if !ok {
		return missing, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < least {
		return 0, fmt.Errorf("fragment key %q: not a duration such as 500ms or 3s, of at least %v", key, least)
	}
	return d, nil
}

// bool returns the value of a key, false if it is missing.
func (s *spec) bool(key string) (bool, error) { return parseBool(s.keys, key) }

func parseBool(keys map[string]string, key string) (bool, error) {
	b, err := strconv.ParseBool(cmp.Or(keys[key], "false"))
	if err != nil {
		return false, fmt.Errorf("fragment key %q: not true or false", key)
	}
	return b, nil
}

// password returns the password of the file that password-file names, else the
// URL's. The file is read at each call, since it is mounted and rotated while
// inith waits; that it is not there is no usage error.
func (s *spec) password() (string, error) {
	name, ok := s.keys["password-file"]
	if !ok {
		password, _ := s.url.User.Password()
		return password, nil
	}
	return credentials.ReadSecret("password file", name)
}

// hasPassword reports whether the target has credentials.
func (s *spec) hasPassword() bool {
	_, inURL := s.url.User.Password()
	return inURL || s.keys["password-file"] != ""
}
