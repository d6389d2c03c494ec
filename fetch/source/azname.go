package source

import (
	"errors"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/target"
)

const azScheme = "az"

// An azName is what an az URL says.
type azName struct {
	account, container string
	key                string // of a blob, or with a slash at its end, what names begin with
	version            string // "": the latest
	endpoint           *url.URL
	anonymous          bool
}

func checkAZName(u *url.URL) error {
	_, err := parseAZName(u)
	return err
}

func isAZDirectory(u *url.URL) bool {
	n, err := parseAZName(u)
	return err == nil && isPrefix(n.key)
}

// parseAZName reads az://ACCOUNT/CONTAINER/BLOB.
func parseAZName(u *url.URL) (azName, error) {
	const lower = "abcdefghijklmnopqrstuvwxyz0123456789-"
	n := azName{account: u.Hostname()}
	n.container, n.key, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if n.account == "" || n.container == "" || strings.Trim(n.account, lower) != "" || strings.Trim(n.container, lower+"$") != "" {
		return n, errors.New("want the names of a storage account and of a container, as in az://account/container/blob")
	}
	if err := parseStoreURL(u, "AZURE_STORAGE_KEY", "endpoint, versionId or anonymous", n.keys()); err != nil {
		return n, err
	}
	if n.version != "" && isPrefix(n.key) {
		return n, errors.New("versionId is of one blob, and the URL names a directory")
	}
	return n, nil
}

func (n *azName) keys() map[string]func(string) error {
	return map[string]func(string) error{
		"endpoint":  endpointKey(&n.endpoint),
		"versionid": target.String(&n.version),
		"anonymous": target.Bool(&n.anonymous),
	}
}

// at returns the URL of the account: by the URL, by the settings, or Azure's. The account is in the name of the host, or in the path
// at servers that have no names of accounts.
func (n *azName) at(settings *url.URL) *url.URL {
	at := url.URL{Scheme: "https", Host: "blob.core.windows.net"}
	for _, given := range []*url.URL{settings, n.endpoint} {
		if given != nil {
			at = url.URL{Scheme: given.Scheme, Host: given.Host}
		}
	}
	switch {
	case strings.HasPrefix(at.Host, "blob."):
		at.Host = n.account + "." + at.Host
	case !strings.HasPrefix(at.Host, n.account+"."):
		at.Path = "/" + n.account
	}
	return &at
}
