package probe

import (
	"cmp"

	"github.com/inith/inith/internal/tlsconfig"
)

// tlsKeys are the fragment keys of the kinds that speak TLS.
func tlsKeys() []string {
	return []string{"ca-file", "cert-file", "key-file", "tls-server-name", "insecure-skip-tls-verify"}
}

// overrideTLS returns t with what the fragment says.
func overrideTLS(t tlsconfig.TLS, keys map[string]string) (tlsconfig.TLS, error) {
	t.CAFile = cmp.Or(keys["ca-file"], t.CAFile)
	t.CertFile = cmp.Or(keys["cert-file"], t.CertFile)
	t.KeyFile = cmp.Or(keys["key-file"], t.KeyFile)
	t.ServerName = cmp.Or(keys["tls-server-name"], t.ServerName)
	if _, ok := keys["insecure-skip-tls-verify"]; ok {
		var err error
		if t.SkipVerify, err = parseBool(keys, "insecure-skip-tls-verify"); err != nil {
			return t, err
		}
	}
	return t, t.Check()
}
