package source

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

// parseStoreURL reads what the URLs of all stores have in common: neither a user nor a port, and query keys that are known by name.
// Variable is an example of where credentials come from.
func parseStoreURL(u *url.URL, variable, known string, keys map[string]func(value string) error) error {
	text := ""
	switch {
	case u.User != nil:
		text = " URLs have no user: credentials come from the environment, such as " + variable
	case u.Fragment != "" && u.Scheme != gsScheme:
		text = " URLs have no fragment: write a # in a name as %23"
	case u.Port() != "":
		text = " URLs have no port: name the server in the query, as in ?endpoint=http://minio:9000"
	}
	if text != "" {
		return errors.New(u.Scheme + text)
	}
	query, err := target.Query(u.RawQuery)
	if err != nil {
		return err
	}
	return target.SetQuery(query, keys, func(key string) error {
		if k := target.DriverKey(key); strings.HasPrefix(k, "xamz") || strings.HasPrefix(k, "xgoog") || slices.Contains([]string{"sig", "sv", "se", "sp"}, k) {
			return errors.New("a signed link to an object is an https URL")
		}
		return errors.New("unknown query key" + redact.Quoted(key) + ": want " + known + "; write a ? in a name as %3F")
	})
}

// endpointKey returns what sets the endpoint by the query of a URL.
func endpointKey(endpoint **url.URL) func(value string) error {
	return func(value string) (err error) {
		*endpoint, err = bucket.ParseEndpoint(value)
		return err
	}
}
