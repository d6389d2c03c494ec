package migrate

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
)

// parseFragment reads the keys that are inith's, the same as those of a target of
// wait: that of the file with the secret, and those of TLS. Its errors quote no value.
func parseFragment(raw, secretFile string) (map[string]string, tlsconfig.TLS, error) {
	known := []string{secretFile, "ca-file", "cert-file", "key-file", "tls-server-name", "insecure-skip-tls-verify"}
	keys := map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if raw == "" {
			break
		}
		key, value, hasValue := strings.Cut(pair, "=")
		if !slices.Contains(known, key) {
			return nil, tlsconfig.TLS{}, fmt.Errorf("unknown fragment key%s (in a password, # is %%23), have %s", redact.Quoted(key), strings.Join(known, ", "))
		}
		if !hasValue && key == "insecure-skip-tls-verify" {
			value = "true"
		}
		value, err := url.PathUnescape(value)
		if err != nil || value == "" {
			return nil, tlsconfig.TLS{}, fmt.Errorf("fragment key %q: no value, or not percent-encoded", key)
		}
		keys[key] = value
	}
	t := tlsconfig.TLS{CAFile: keys["ca-file"], CertFile: keys["cert-file"], KeyFile: keys["key-file"], ServerName: keys["tls-server-name"]}
	if value, ok := keys["insecure-skip-tls-verify"]; ok {
		var err error
		if t.SkipVerify, err = strconv.ParseBool(value); err != nil {
			return nil, t, fmt.Errorf("fragment key %q: not true or false", "insecure-skip-tls-verify")
		}
	}
	return keys, t, t.Check()
}
