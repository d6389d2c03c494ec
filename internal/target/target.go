// Package target reads the URLs by which users name servers. Scheme, hosts, path and
// query belong to the protocol, the fragment belongs to inith. No error quotes a
// value, nor a word that may be a part of one: the rest of a password that was not
// percent-encoded may stand anywhere.
package target

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// A Key is a key of a fragment, such as timeout in tcp://db:5432#timeout=1s.
type Key struct {
	Name  string
	Usage string                   // for the documentation
	Flag  bool                     // without a value, it means true
	State bool                     // asks whether something exists, which a login does not show
	Set   func(value string) error // stores the value; its error does not quote it
}

// Fragment reads key=value pairs that are separated by "&" and percent-encoded, and
// stores the values. It returns the keys that it found. The kind is what has the
// keys, for messages.
func Fragment(raw, kind string, keys []Key) ([]Key, error) {
	var given []Key
	if raw == "" {
		return nil, nil
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, hasValue := strings.Cut(pair, "=")
		named := func(k Key) bool { return k.Name == name }
		i := slices.IndexFunc(keys, named)
		if i < 0 {
			return nil, unknownKey(name, kind, keys)
		}
		if slices.ContainsFunc(given, named) {
			return nil, fmt.Errorf("fragment key %q is given twice", name)
		}
		if !hasValue && keys[i].Flag {
			value = "true"
		}
		if err := keys[i].set(value); err != nil {
			return nil, fmt.Errorf("fragment key %q: %w", name, err)
		}
		given = append(given, keys[i])
	}
	return given, nil
}

// set decodes a value and stores it. A "+" is a plus: patterns and SQL have it.
func (k Key) set(encoded string) error {
	value, err := url.PathUnescape(encoded)
	if err != nil || value == "" {
		return errors.New("no value, or not percent-encoded")
	}
	return k.Set(value)
}

func unknownKey(name, kind string, keys []Key) error {
	known := Names(keys)
	if redact.Word(name) == "" {
		return fmt.Errorf("unknown fragment key: after # comes key=value (in a password, # is %%23); %s has %s",
			kind, strings.Join(known, ", "))
	}
	return fmt.Errorf("unknown fragment key %q%s; %s has %s (in a password, # is %%23)",
		name, suggest.DidYouMean(name, known), kind, strings.Join(known, ", "))
}

// Names returns the names of keys.
func Names(keys []Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// CutDriver cuts the driver off the scheme of a URL, as in postgresql+psycopg2, that SQLAlchemy
// writes there for PostgreSQL and MySQL, and translates the schemes of other frameworks. In other schemes a "+" means another protocol, such as
// redis+sentinel, and stays.
func CutDriver(scheme string) (base, driver string) {
	if base = frameworks()[scheme]; base != "" {
		return base, scheme
	}
	base, driver, _ = strings.Cut(scheme, "+")
	if slices.Contains([]string{"postgresql", "postgres", "mysql", "mariadb"}, base) {
		return base, driver
	}
	return scheme, ""
}

// frameworks are the schemes by which frameworks name a driver of theirs.
func frameworks() map[string]string {
	return map[string]string{
		"ecto": "postgres", "postgis": "postgres", "pgx": "postgres", "pgx5": "postgres", // Elixir, Rails and Django, golang-migrate
		"mysql2": "mysql", "trilogy": "mysql", "mysqlgis": "mysql", // Rails, Django
		"pyamqp": "amqp", "librabbitmq": "amqp", // Celery
	}
}

// UnknownScheme returns the error for a scheme that none of known is.
func UnknownScheme(scheme string, known []string) error {
	base, protocol, found := strings.Cut(scheme, "+")
	if found && slices.Contains(known, base) {
		return fmt.Errorf("%s with a driver or mode%s is not supported: name one server, as in %s://host", base, redact.Quoted(protocol), base)
	}
	text := "unknown scheme" + redact.Quoted(scheme) + suggest.DidYouMean(scheme, known)
	const few = 12 // that a person reads; the help has the others
	if len(known) <= few {
		text += ", have " + strings.Join(known, ", ")
	}
	return errors.New(text)
}

// Query reads a query in which no key may come twice: libraries disagree about which
// of the values counts.
func Query(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("the query is not percent-encoded key=value pairs")
	}
	query := map[string]string{}
	for key, all := range values {
		if len(all) > 1 {
			return nil, fmt.Errorf("query key%s is given twice", redact.Quoted(key))
		}
		query[key] = all[0]
	}
	return query, nil
}

// SetQuery stores the values of a query by keys, which have the names that [DriverKey] returns. Others are given to drop,
// which may refuse them. No error quotes a value.
func SetQuery(query map[string]string, keys map[string]func(value string) error, drop func(key string) error) error {
	for _, key := range slices.Sorted(maps.Keys(query)) {
		set, known := keys[DriverKey(key)]
		if !known {
			if err := drop(key); err != nil {
				return err
			}
			continue
		}
		if err := set(query[key]); err != nil {
			return fmt.Errorf("query key%s: %w", redact.Quoted(key), err)
		}
	}
	return nil
}

// CheckPort returns an error if a string is not the number of a port.
func CheckPort(port string) error {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	return nil
}
