package source

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/target"
)

const gsScheme = "gs"

// A gsName is what a gs URL says.
type gsName struct {
	bucket     string
	key        string // of an object, or with a slash at its end, what keys begin with
	generation string // "": the latest
	endpoint   *url.URL
	anonymous  bool
	project    string // that pays
}

func checkGSName(u *url.URL) error {
	_, err := parseGSName(u)
	return err
}

func isGSDirectory(u *url.URL) bool {
	n, err := parseGSName(u)
	return err == nil && isPrefix(n.key)
}

// parseGSName reads gs://BUCKET/OBJECT, with the generation in the fragment as gcloud has it, or in the query.
func parseGSName(u *url.URL) (gsName, error) {
	n := gsName{bucket: u.Hostname(), key: strings.TrimPrefix(u.Path, "/"), generation: u.Fragment}
	if bucket.CheckName(n.bucket) != nil {
		return n, errors.New("want the name of a bucket, as in gs://bucket/object")
	}
	if err := parseStoreURL(u, "GOOGLE_APPLICATION_CREDENTIALS", "endpoint, generation, anonymous or userProject", n.keys()); err != nil {
		return n, err
	}
	switch {
	case strings.Trim(n.generation, "0123456789") != "":
		return n, errors.New("the generation of an object is a number: write a # in the name of an object as %23")
	case u.Fragment != "" && u.Fragment != n.generation:
		return n, errors.New("the generation is given twice")
	case n.generation != "" && isPrefix(n.key):
		return n, errors.New("generation is of one object, and the URL names a directory")
	case strings.Trim(n.project, "abcdefghijklmnopqrstuvwxyz0123456789-.:") != "":
		return n, errors.New("userProject is not the ID of a project")
	}
	return n, nil
}

func (n *gsName) keys() map[string]func(string) error {
	return map[string]func(string) error{
		"endpoint":    endpointKey(&n.endpoint),
		"generation":  target.String(&n.generation),
		"anonymous":   target.Bool(&n.anonymous),
		"userproject": target.String(&n.project),
	}
}

// at returns where the bucket is: by the URL, by the settings, or at Google's.
func (n *gsName) at(settings *url.URL) *url.URL {
	return cmp.Or(n.endpoint, settings, &url.URL{Scheme: "https", Host: "storage.googleapis.com"})
}
