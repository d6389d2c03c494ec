// Package bucket says where a bucket of S3 is, and reads what S3 says when it refuses.
package bucket

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/target"
)

// A Place is where a bucket is.
type Place struct {
	Name     string
	Region   string   // "": [DefaultRegion]
	Endpoint *url.URL // nil: Amazon's, of the region
	Style    string   // [InPath] or [InHost]; "": in the host for Amazon, in the path for others
}

// Styles of URLs.
const (
	InPath = "path"
	InHost = "host"
)

// DefaultRegion is that of clients without a setting.
const DefaultRegion = "us-east-1"

// CheckName reports what is no name of a bucket, and could become another part of a URL.
func CheckName(name string) error {
	const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
	if name == "" || strings.Trim(name, nameBytes) != "" || strings.Trim(name, ".") == "" {
		return errors.New("want the name of a bucket, as in s3://bucket?endpoint=http://minio:9000")
	}
	return nil
}

// CheckRegion keeps anything else from becoming a part of a host's name.
func CheckRegion(region string) error {
	const longest = 32
	if len(region) > longest || strings.Trim(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return errors.New("the region is not one such as eu-west-1")
	}
	return nil
}

// ParseEndpoint reads the URL of a server. Its error does not quote it.
func ParseEndpoint(value string) (*url.URL, error) {
	u, err := redact.ParseURL(value)
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "",
		!slices.Contains([]string{"http", "https"}, u.Scheme):
		return nil, errors.New("not a URL such as http://minio:9000")
	}
	return u, nil
}

// Keys returns what sets a place by the query of a URL, in the spelling of the Go CDK. They have the names that
// [target.DriverKey] returns.
func (p *Place) Keys() map[string]func(value string) error {
	style := func(value string) error {
		path, err := target.Boolean(value)
		p.Style = map[bool]string{true: InPath, false: InHost}[path]
		return err
	}
	endpoint := func(value string) (err error) {
		p.Endpoint, err = ParseEndpoint(value)
		return err
	}
	return map[string]func(string) error{
		"region": target.String(&p.Region), "endpoint": endpoint,
		"usepathstyle": style, "s3forcepathstyle": style, "forcepathstyle": style,
	}
}

// URL returns the URL of the bucket.
func (p *Place) URL() *url.URL { return p.ObjectURL("") }

// ObjectURL returns the URL of an object, whose path is encoded as a signature wants it.
func (p *Place) ObjectURL(key string) *url.URL {
	region := p.Region
	if region == "" {
		region = DefaultRegion
	}
	u := &url.URL{Scheme: "https", Host: "s3." + region + "." + Domain(region), Path: "/" + key}
	inPath := strings.Contains(p.Name, ".") // a certificate of *.s3 is not one of a.b.s3
	if p.Endpoint != nil {
		u.Scheme, u.Host, inPath = p.Endpoint.Scheme, p.Endpoint.Host, true
	}
	if p.Style != "" {
		inPath = p.Style == InPath
	}
	switch {
	case !inPath:
		u.Host = p.Name + "." + u.Host
	case key == "":
		u.Path = "/" + p.Name
	default:
		u.Path = "/" + p.Name + "/" + key
	}
	u.RawPath = sigv4.Escape(u.Path, true)
	return u
}

// Domain returns the name that the hosts of Amazon's services in a region end with.
func Domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
