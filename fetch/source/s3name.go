package source

import (
	"errors"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/target"
)

const s3Scheme = "s3"

// An s3Name is what an s3 URL says.
type s3Name struct {
	place         bucket.Place
	key           string // of an object, or with a slash at its end, what keys begin with
	version       string // "": the latest
	anonymous     bool
	requesterPays bool
}

func checkS3Name(u *url.URL) error {
	_, err := parseS3Name(u)
	return err
}

func isS3Directory(u *url.URL) bool {
	n, err := parseS3Name(u)
	return err == nil && isPrefix(n.key)
}

// parseS3Name reads s3://BUCKET/KEY, with the query keys of the Go CDK, versionId and requestPayer.
func parseS3Name(u *url.URL) (s3Name, error) {
	n := s3Name{place: bucket.Place{Name: u.Hostname()}, key: strings.TrimPrefix(u.Path, "/")}
	if err := bucket.CheckName(n.place.Name); err != nil {
		return n, err
	}
	if err := parseStoreURL(u, "AWS_ACCESS_KEY_ID", "region, endpoint, use_path_style, anonymous, versionId or requestPayer", n.keys()); err != nil {
		return n, err
	}
	if n.version != "" && isPrefix(n.key) {
		return n, errors.New("versionId is of one object, and the URL names a directory")
	}
	return n, bucket.CheckRegion(n.place.Region)
}

func (n *s3Name) keys() map[string]func(string) error {
	keys := n.place.Keys()
	keys["versionid"] = target.String(&n.version)
	keys["anonymous"] = target.Bool(&n.anonymous)
	keys["requestpayer"] = func(value string) error {
		if n.requesterPays = value == "requester"; !n.requesterPays {
			return errors.New("want requester")
		}
		return nil
	}
	return keys
}
