package target

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/tlsconfig"
)

// PasswordFile returns the key of the file with the password.
func PasswordFile(to *string) Key {
	return Key{
		Name: "password-file", Set: String(to),
		Usage: "file with the password; inith reads it again at each attempt, so that a rotated one is used",
	}
}

// TLSKeys returns the keys of kinds that speak TLS, which have the names of the
// options of a command.
func TLSKeys(t *tlsconfig.TLS) []Key {
	return []Key{
		{Name: "ca-file", Usage: "trust these certificate authorities (PEM) instead of the system's", Set: String(&t.CAFile)},
		{Name: "cert-file", Usage: "client certificate and its chain (PEM)", Set: String(&t.CertFile)},
		{Name: "key-file", Usage: "key of the client certificate (PEM)", Set: String(&t.KeyFile)},
		{Name: "tls-server-name", Usage: "name to expect in the certificate instead of the host", Set: String(&t.ServerName)},
		{Name: "insecure-skip-tls-verify", Flag: true, Usage: "accept any certificate", Set: Bool(&t.SkipVerify)},
	}
}

// String stores any value.
func String(to *string) func(string) error {
	return func(value string) error {
		*to = value
		return nil
	}
}

// Bool stores true or false.
func Bool(to *bool) func(string) error {
	return func(value string) (err error) {
		if *to, err = strconv.ParseBool(value); err != nil {
			return errors.New("not true or false")
		}
		return nil
	}
}

// Duration stores a duration of at least a minimum.
func Duration(to *time.Duration, minimum time.Duration) func(string) error {
	return func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < minimum {
			return fmt.Errorf("not a duration such as 500ms or 3s, of at least %v", minimum)
		}
		*to = d
		return nil
	}
}

// Count stores a number of at least 1.
func Count(to *int) func(string) error {
	return func(value string) (err error) {
		if *to, err = strconv.Atoi(value); err != nil || *to < 1 {
			return errors.New("not a number of at least 1")
		}
		return nil
	}
}

// OneOf stores one of a few words.
func OneOf(to *string, words ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("not %s", strings.Join(words, " or "))
		}
		*to = value
		return nil
	}
}
