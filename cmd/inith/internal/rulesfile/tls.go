package rulesfile

import (
	"errors"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// TLSTable is an entry of "tls" in rules.yaml.
func TLSTable() option.Table[*validate.TLSRule] {
	type tls = validate.TLSRule
	return option.Table[*tls]{
		Options: []option.Option[*tls]{
			{
				Key:   "cert",
				Usage: "the certificate, followed by its chain",
				Set:   option.ToString(func(t *tls) *string { return &t.Cert }),
			},
			{Key: "key", Usage: "its private key", Set: option.ToString(func(t *tls) *string { return &t.Key })},
			{
				Key:   "ca",
				Usage: "the certificate authorities that it must chain to",
				Set:   option.ToString(func(t *tls) *string { return &t.CA }),
			},
			{
				Key: "names", Kind: option.Strings,
				Usage: "DNS names and IP addresses that it must cover",
				Set:   option.ToStrings(func(t *tls) *[]string { return &t.Names }),
			},
			{
				Key: "minValidity", Kind: option.Duration,
				Usage: "how long it must remain valid, such as 168h",
				Set:   option.ToDuration(func(t *tls) *time.Duration { return &t.MinValidity }),
			},
			{
				Key: "minKeySize", Kind: option.Integer,
				Usage: "the minimum size of an RSA key, in bits (default: 2048)",
				Set:   option.AtLeast(1, func(t *tls) *int { return &t.MinKeySize }),
			},
			{
				Key: "keyEncrypted", Kind: option.Bool,
				Usage: "the application knows the passphrase of the key",
				Set:   option.ToBool(func(t *tls) *bool { return &t.KeyEncrypted }),
			},
			{
				Key: "appearWithin", Kind: option.Duration,
				Usage: "how long the files may be missing or empty",
				Set:   option.ToDuration(func(t *tls) *time.Duration { return &t.AppearWithin }),
			},
			{
				Key: "readableBy", Old: []string{"as"}, Kind: option.Digits,
				Usage: "who must be able to read the files: UID[:GID[,GROUP...]]",
				Set:   option.Parsed(validate.ParseIdentity, func(t *tls) **validate.Identity { return &t.ReadableBy }),
			},
		},
		Check: func(t *tls, _ option.Given) error {
			if t.Cert == "" && (t.Key == "" && t.CA == "" || len(t.Names) > 0 || t.MinValidity > 0) {
				return errors.New("no cert")
			}
			return nil
		},
	}
}
