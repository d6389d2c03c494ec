package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/internal/redact"
)

// DriverKey returns a query key as all drivers would spell it: in lower case, without "-" and "_". One driver has
// ssl-mode, the next ssl_mode or sslMode.
func DriverKey(key string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(key))
}

// CheckDropped returns an error if a query key that no table knows must not be dropped: by its name, it may ask for TLS,
// choose the server, or be the login. Without it, the password would be sent in clear text, or to another server, or no
// login would be tried.
func CheckDropped(key string) error {
	name := DriverKey(key)
	for _, harmless := range []string{"timeout", "keepalive"} {
		if strings.Contains(name, harmless) {
			return nil
		}
	}
	switch name {
	case "password", "passwd", "pass", "pwd", "user", "username", "token", "authtoken", "apikey":
		return fmt.Errorf("query key%s is a login, which inith does not read there: write it as user:password@host, or use #password-file=", redact.Quoted(key))
	}
	for _, part := range []string{"ssl", "tls", "secur", "sasl", "sock", "target", "role", "cert", "encrypt", "hostaddr", "sentinel", "mastername", "options[10"} {
		if strings.Contains(name, part) {
			return fmt.Errorf("query key%s may ask for TLS or choose the server, and inith does not know it: "+
				"remove it, or write what it means in the fragment, such as #ca-file=", redact.Quoted(key))
		}
	}
	return nil
}

// Boolean reads the value of a switch as drivers do.
func Boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "", "1", "true", "yes", "on", "t", "y":
		return true, nil
	case "0", "false", "no", "off", "f", "n":
		return false, nil
	}
	return false, errors.New("not true or false")
}

// SSLMode translates a mode of TLS as any driver spells it, to libpq's words for it; "" if it is none.
// https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
// https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
func SSLMode(value string) string {
	modes := map[string]string{
		"disable": "disable", "disabled": "disable", "false": "disable", "0": "disable", "off": "disable", "no": "disable",
		"allow":  "allow",
		"prefer": "prefer", "preferred": "prefer",
		"require": "require", "required": "require", "true": "require", "1": "require", "on": "require", "yes": "require",
		"noverify": "require", "skipverify": "require", "trust": "require",
		"verifyca": "verify-ca", "verifyfull": "verify-full", "verifyidentity": "verify-full",
	}
	return modes[DriverKey(value)]
}

// StricterSSLMode returns the stricter of two of libpq's words; "" is none.
func StricterSSLMode(a, b string) string {
	modes := []string{"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
	return modes[max(slices.Index(modes, a), slices.Index(modes, b))]
}
