package source

import (
	"errors"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/redact"
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

// isPrefix reports whether the URL names a directory.
func (n *s3Name) isPrefix() bool { return n.key == "" || strings.HasSuffix(n.key, "/") }

func checkS3Name(u *url.URL) error {
	_, err := parseS3Name(u)
	return err
}

func isS3Directory(u *url.URL) bool {
	n, err := parseS3Name(u)
	return err == nil && n.isPrefix()
}

// parseS3Name reads s3://BUCKET/KEY, with the query keys of the Go CDK, versionId and requestPayer.
func parseS3Name(u *url.URL) (s3Name, error) {
	n := s3Name{place: bucket.Place{Name: u.Hostname()}, key: strings.TrimPrefix(u.Path, "/")}
	switch {
	case u.User != nil:
		return n, errors.New("an s3 URL has no user: credentials come from the environment, such as AWS_ACCESS_KEY_ID")
	case u.Fragment != "":
		return n, errors.New("an s3 URL has no fragment: write a # in a key as %23")
	case u.Port() != "":
		return n, errors.New("a bucket has no port: name the server as in s3://bucket/key?endpoint=http://minio:9000")
	}
	if err := bucket.CheckName(n.place.Name); err != nil {
		return n, err
	}
	query, err := target.Query(u.RawQuery)
	if err != nil {
		return n, err
	}
	if err := target.SetQuery(query, n.keys(), unknownS3Key); err != nil {
		return n, err
	}
	if n.version != "" && n.isPrefix() {
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

func unknownS3Key(key string) error {
	if strings.HasPrefix(target.DriverKey(key), "xamz") {
		return errors.New("a signed link to an object is an https URL")
	}
	return errors.New("unknown query key" + redact.Quoted(key) +
		": want region, endpoint, use_path_style, anonymous, versionId or requestPayer; write a ? in a key as %3F")
}
