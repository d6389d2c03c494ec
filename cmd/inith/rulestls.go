package main

import (
	"errors"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// tlsTable is an entry of "tls" in rules.yaml.
func tlsTable() option.Table[validate.TLSRule] {
	type tls = validate.TLSRule
	return option.Table[tls]{
		Keys: []option.Key[tls]{
			{Name: "cert", Usage: "the certificate, followed by its chain", Set: func(t *tls, v option.Value) error { t.Cert = v.Text; return nil }},
			{Name: "key", Usage: "its private key", Set: func(t *tls, v option.Value) error { t.Key = v.Text; return nil }},
			{Name: "ca", Usage: "the authorities that have to vouch for it", Set: func(t *tls, v option.Value) error { t.CA = v.Text; return nil }},
			{Name: "names", Kind: option.Texts, Usage: "DNS names and IP addresses that it has to cover", Set: func(t *tls, v option.Value) error {
				t.Names = append(t.Names, v.Text)
				return nil
			}},
			{Name: "minValidity", Usage: "how long it has to be valid yet, such as 168h", Set: func(t *tls, v option.Value) (err error) { t.MinValidity, err = parseDuration(v.Text); return err }},
			{Name: "minKeySize", Kind: option.Number, Usage: "the least size of an RSA key, in bits (2048)", Set: func(t *tls, v option.Value) (err error) { t.MinKeySize, err = positive(v.Number); return err }},
			{Name: "keyEncrypted", Kind: option.Bool, Usage: "the application knows the passphrase of the key", Set: func(t *tls, v option.Value) error { t.KeyEncrypted = v.Yes; return nil }},
			{Name: "appearWithin", Usage: "how long the files may be missing or empty", Set: func(t *tls, v option.Value) (err error) { t.AppearWithin, err = parseDuration(v.Text); return err }},
			{Name: "as", Kind: option.Digits, Usage: "who has to be able to read the files: UID[:GID[,GROUP...]]", Set: func(t *tls, v option.Value) (err error) { t.As, err = validate.ParseIdentity(v.Text); return err }},
		},
		Check: func(t *tls, _ func(string) bool) error {
			if t.Cert == "" && (t.Key == "" && t.CA == "" || len(t.Names) > 0 || t.MinValidity > 0) {
				return errors.New("no cert")
			}
			return nil
		},
	}
}
