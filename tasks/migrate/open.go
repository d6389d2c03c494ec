package migrate

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

// Options are the settings of a lock beside its URL.
type Options struct {
	Name   string        // of the lock in its database
	Host   string        // who we are, for those who wait
	Grace  time.Duration // of the command, which a lease outlasts
	Env    []string      // where a Pod finds its API server
	Logger *slog.Logger  // nil: discard
}

// A Kind is a kind of lock.
type Kind struct {
	Schemes []string
	Does    string
	URL     string
	Example string // a command line

	open func(u *url.URL, o Options) (Locker, error)
}

// Kinds returns the kinds of lock.
func Kinds() []Kind {
	return []Kind{
		{
			Schemes: []string{"postgres", "postgresql"}, open: openPostgres,
			Does: "PostgreSQL", URL: "postgres://user@host/db#password-file=/run/secrets/db, an advisory lock",
			Example: "inith migrate --lock-from-env DATABASE_URL --tool django",
		},
		{
			Schemes: []string{"mysql", "mariadb"}, open: openMySQL,
			Does: "MySQL", URL: "mysql://user@host/db#password-file=/run/secrets/db, MariaDB too: GET_LOCK",
			Example: "inith migrate --lock-from-env DATABASE_URL -- php artisan migrate --force",
		},
		{
			Schemes: []string{"k8s"}, open: openLease,
			Does: "Kubernetes", URL: "k8s://namespace/name, a Lease; k8s:///name is one in the Pod's namespace",
			Example: "inith migrate --lock k8s:///app-migrate -- /app/migrate",
		},
		{
			Schemes: []string{"file"}, open: openFile,
			Does: "a file", URL: "file:///shared/migrate.lock, on a volume that all mount",
			Example: "inith migrate --lock file:///shared/migrate.lock -- /app/migrate",
		},
	}
}

func kindOf(scheme string) (kind Kind, known []string) {
	for _, k := range Kinds() {
		if slices.Contains(k.Schemes, scheme) {
			return k, nil
		}
		known = append(known, k.Schemes...)
	}
	return Kind{}, known
}

// Open returns the lock that raw names, and what may be shown of its URL. It
// touches neither network nor files. Its error quotes nothing that may be secret.
func Open(raw string, o Options) (Locker, string, error) {
	u, err := target.Parse(raw)
	if err != nil {
		return nil, "", err
	}
	u.Scheme, _ = target.CutDriver(u.Scheme)
	kind, known := kindOf(u.Scheme)
	if kind.open == nil {
		return nil, "", target.UnknownScheme(u.Scheme, known)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := kind.open(u, o)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", redact.URL(u), err)
	}
	return l, redact.URL(u), nil
}

func openFile(u *url.URL, o Options) (Locker, error) {
	switch {
	case u.Host != "" || u.Path == "":
		return nil, errors.New("want three slashes and a path, as in file:///shared/migrate.lock")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("a file has no user, query or fragment")
	case o.Name != "":
		return nil, errors.New("--lock-name does not apply: the name of a file is in its URL")
	}
	return newFile(u.Path, o.Host)
}

// LeaseOf returns the Lease that the URL of a lock names, such as k8s:///name. Its namespace is "" if it is the Pod's.
// The lock is another one, or the URL is wrong, if it is not ok.
func LeaseOf(raw string) (namespace, name string, ok bool) {
	l, _, err := Open(raw, Options{})
	if err != nil {
		return "", "", false
	}
	lease, ok := l.(*leaseLocker)
	if !ok {
		return "", "", false
	}
	return lease.ref.Namespace, lease.ref.Name, true
}
