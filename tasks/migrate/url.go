package migrate

import (
	"log/slog"
	"net/url"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// readFragment stores what the fragment of a lock's URL says: the keys of its kind, and those of TLS.
func readFragment(u *url.URL, keys []target.Key, t *tlsconfig.TLS) error {
	if _, err := target.Fragment(u.EscapedFragment(), u.Scheme, append(keys, target.TLSKeys(t)...)); err != nil {
		return err
	}
	return t.Check()
}

// dropKey drops query keys of frameworks that cannot matter, and refuses the others.
func dropKey(log *slog.Logger) func(key string) error {
	return func(key string) error {
		if err := target.CheckDropped(key); err != nil {
			return err
		}
		log.Debug("dropped", "what", "query key", "key", redact.Word(key))
		return nil
	}
}
