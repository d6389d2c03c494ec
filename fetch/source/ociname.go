package source

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

const ociScheme = "oci"

var errOCIName = errors.New("want oci://REGISTRY/REPOSITORY[:TAG][@DIGEST][/PATH]")

// An ociName is what an oci URL says.
type ociName struct {
	host       string // of the registry, with its port
	repository string
	tag        string
	digest     Digest // of the manifest; zero: that of the tag
	path       string // in it, relative and clean; "": all of it
	directory  bool   // the path can only be a directory
	platform   string // "": that of this process
	plainHTTP  *bool  // nil: at a loopback address only
}

func checkOCIName(u *url.URL) error {
	_, err := parseOCIName(u)
	return err
}

// isOCIDirectory reports whether a URL names all of an artifact or image, or ends in a slash.
func isOCIDirectory(u *url.URL) bool {
	name, err := parseOCIName(u)
	return err == nil && name.directory
}

// parseOCIName reads oci://REGISTRY/REPOSITORY[:TAG][@DIGEST][/PATH]. The tag or the digest ends the name of the repository,
// which has slashes itself: without either, there is no path. The names are those of the distribution specification
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests), with Docker's abbreviations.
func parseOCIName(u *url.URL) (ociName, error) {
	switch {
	case u.User != nil:
		return ociName{}, errors.New("an oci URL has no user: credentials come from a config.json of Docker's (--registry-config)")
	case u.Fragment != "":
		return ociName{}, errors.New("an oci URL has no fragment: write a # in a path as %23")
	case u.Hostname() == "" || u.Opaque != "":
		return ociName{}, errOCIName
	}
	n := ociName{host: strings.ToLower(u.Host)}
	rest := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	rest, err := n.readRepository(rest)
	if err != nil {
		return ociName{}, err
	}
	if last := len(rest) - 1; last < 0 || rest[last] == "" {
		n.directory, rest = true, rest[:max(0, last)]
	}
	if n.path, err = cleanSegments(rest); err != nil {
		return ociName{}, errors.New("an oci URL with a path that no file has: no segment of it may be empty, . or .., or have a slash in it")
	}
	return n, n.readQuery(u.RawQuery)
}

// readRepository reads the name of the repository and what follows it in the same segment, and returns the rest.
func (n *ociName) readRepository(segments []string) (rest []string, err error) {
	names, reference := segments, ""
	for i, s := range segments {
		if end := strings.IndexAny(s, ":@"); end >= 0 {
			names, reference, rest = append(segments[:i:i], s[:end]), s[end:], segments[i+1:]
			break
		}
	}
	if last := len(names) - 1; last > 0 && names[last] == "" && reference == "" {
		names = names[:last]
	}
	n.repository = strings.Join(names, "/")
	if isDockerHub(n.host) {
		n.host = dockerHub
		if len(names) == 1 {
			n.repository = "library/" + n.repository
		}
	}
	if !isOCIRepository(n.repository) {
		return nil, errOCIName
	}
	return rest, n.readReference(reference)
}

// readReference reads [:TAG][@DIGEST].
func (n *ociName) readReference(s string) error {
	tag, digest, pinned := strings.Cut(s, "@")
	n.tag = strings.TrimPrefix(tag, ":")
	if tag == "" {
		n.tag = "latest"
	}
	if !isOCITag(n.tag) {
		return errors.New("an oci URL with a tag that can be none")
	}
	if n.digest = ociDigest(digest); pinned && n.digest == (Digest{}) {
		return errors.New("an oci URL with a digest that is none: want @sha256: and 64 hexadecimal digits, or @sha512: and 128")
	}
	return nil
}

func (n *ociName) readQuery(raw string) error {
	query, err := target.Query(raw)
	if err != nil {
		return err
	}
	var plain bool
	keys := map[string]func(string) error{
		"platform": func(value string) error {
			if parts := strings.Split(value, "/"); len(parts) < 2 || len(parts) > 3 || strings.Contains(value, "//") {
				return errors.New("want OS/ARCHITECTURE, such as linux/arm64")
			}
			n.platform = value
			return nil
		},
		"plainhttp": func(value string) error {
			n.plainHTTP = &plain
			return target.Bool(&plain)(value)
		},
	}
	return target.SetQuery(query, keys, func(key string) error {
		return errors.New("unknown query key" + redact.Quoted(key) + ": want platform or plain-http; write a ? in a path as %3F")
	})
}

const dockerHub = "docker.io"

// isDockerHub reports whether a host is one of the names of Docker Hub.
func isDockerHub(host string) bool {
	return host == dockerHub || host == "index.docker.io" || host == "registry-1.docker.io"
}

// endpoint returns the URL of the registry's API.
func (n *ociName) endpoint(plainHTTP bool) *url.URL {
	u := &url.URL{Scheme: "https", Host: n.host}
	if n.host == dockerHub {
		u.Host = "registry-1.docker.io"
	}
	plainHTTP = plainHTTP || isLoopback(u.Hostname())
	if n.plainHTTP != nil {
		plainHTTP = *n.plainHTTP
	}
	if plainHTTP {
		u.Scheme = "http"
	}
	return u
}

// isLoopback reports whether a host is this machine, to which nothing leads over a network.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// wantedPlatform returns which image of several is meant.
func (n *ociName) wantedPlatform() string {
	if n.platform != "" {
		return n.platform
	}
	return "linux/" + runtime.GOARCH
}

// reference returns what the registry is asked for.
func (n *ociName) reference() string {
	if n.digest != (Digest{}) {
		return n.digest.String()
	}
	return n.tag
}

// String returns the name without a path, as people write it.
func (n *ociName) String() string {
	s := n.host + "/" + n.repository + ":" + n.tag
	if n.digest != (Digest{}) {
		s = n.host + "/" + n.repository + "@" + n.digest.String()
	}
	return s
}

// ociDigest reads a digest as registries write it. The zero Digest stands for one that is none, or of an algorithm that
// is too weak.
func ociDigest(s string) Digest {
	if !strings.HasPrefix(s, "sha256:") && !strings.HasPrefix(s, "sha512:") {
		return Digest{}
	}
	d := AnyDigest(s)
	if d.String() != s { // upper case is another name
		return Digest{}
	}
	return d
}

// isOCIRepository reports whether s can be the name of a repository.
func isOCIRepository(s string) bool {
	const longest = 255
	for part := range strings.SplitSeq(s, "/") {
		if !isOCIComponent(part) {
			return false
		}
	}
	return len(s) <= longest
}

// isOCIComponent reports whether s can be a part of the name of a repository: lower case, and separators between.
func isOCIComponent(s string) bool {
	const letters, separators = "abcdefghijklmnopqrstuvwxyz0123456789", "._-"
	return s != "" && strings.Trim(s, letters+separators) == "" && strings.Trim(s, separators) == s
}

func isOCITag(s string) bool {
	const (
		longest = 128
		bytes   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	)
	return s != "" && len(s) <= longest && strings.Trim(s, bytes) == "" && s[0] != '.' && s[0] != '-'
}

// sameHost reports whether two URLs are of one host, on any port.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) || net.ParseIP(a.Hostname()) != nil && net.ParseIP(a.Hostname()).Equal(net.ParseIP(b.Hostname()))
}
