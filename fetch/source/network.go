package source

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/aws"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
)

// Defaults of a [Network].
const (
	DefaultConnections = 16
	DefaultHeaderWait  = 30 * time.Second
)

// A Network is what sources share: their connections, and how these are made. The zero
// value is ready to use. It must not be copied after first use.
type Network struct {
	Connections int           // idle ones to keep to one host; zero: 16
	HeaderWait  time.Duration // a request without an answer for so long is sent again, and the first answer counts; zero: 30s
	TLS         TLS
	Hub         Hub
	S3          S3
	OCI         OCI
	GCS         GCS
	Azure       Azure
	Proxy       func(target *url.URL) (*url.URL, error) // nil: none

	// Wrap gets each new connection, with the origin that its requests begin at. nil: none.
	Wrap func(origin string, conn net.Conn) net.Conn

	mu      sync.Mutex
	clients map[clientKey]*plainClient
	login   *aws.Login   // nil: not made yet
	google  *login.Cache // nil: not made yet
	azure   *login.Cache // nil: not made yet
}

// TLS is how servers are verified. The files are read when a connection needs them.
type TLS struct {
	CAFile     string // PEM; instead of the system's authorities
	CertFile   string // PEM; our certificate and its chain
	KeyFile    string // PEM; the key of CertFile
	ServerName string // to verify; "": the host
	SkipVerify bool   // accept any certificate
}

// Check reports options that exclude each other.
func (t TLS) Check() error { return tlsconfig.TLS(t).Check() }

// Credentials prove who we are to one origin. Files are read again for each request.
type Credentials struct {
	URL *url.URL // whose origin gets them, for an hf URL that of the hub; others do not

	Headers      http.Header
	HeaderFiles  []string // of "Name: value" lines
	BearerFile   string   // of a token
	PasswordFile string   // for the user of the URL
}

// A scheme is a row of the table of resolvers.
type scheme struct {
	name      string
	check     func(u *url.URL) error // reports what makes a URL none of the scheme
	directory func(u *url.URL) bool  // reports whether a URL can mean nothing but a directory; nil: none does
	open      func(n *Network, c Credentials, retrying func(error)) Resolver
}

func schemes() []scheme {
	return []scheme{
		{"http", checkHost, nil, newWeb},
		{"https", checkHost, nil, newWeb},
		{hubScheme, checkHubName, isHubDirectory, newHub},
		{s3Scheme, checkS3Name, isS3Directory, newS3},
		{gsScheme, checkGSName, isGSDirectory, newGS},
		{azScheme, checkAZName, isAZDirectory, newAZ},
		{ociScheme, checkOCIName, isOCIDirectory, newOCI},
		{localScheme, checkLocalName, isLocalDirectory, newLocal},
	}
}

// Resolver returns the resolver of a URL's scheme. Retrying, if it is not nil, is called
// with the cause when a source repeats a request by itself. The error is the caller's
// fault, and nothing was sent.
func (n *Network) Resolver(u *url.URL, c Credentials, retrying func(error)) (Resolver, error) {
	if err := Check(u); err != nil {
		return nil, err
	}
	if retrying == nil {
		retrying = func(error) {}
	}
	all := schemes()
	i := slices.IndexFunc(all, func(s scheme) bool { return s.name == u.Scheme })
	return all[i].open(n, c, retrying), nil
}

// Check reports a URL that no resolver can read, and what the network lacks for it.
func (n *Network) Check(u *url.URL) error {
	if err := Check(u); err != nil {
		return err
	}
	switch u.Scheme {
	case hubScheme:
		return n.Hub.Check()
	case s3Scheme:
		return n.S3.Check()
	case gsScheme:
		return n.GCS.Check()
	case azScheme:
		return n.Azure.Check()
	default:
		return nil
	}
}

// Check reports a URL that no resolver can read.
func Check(u *url.URL) error {
	if u == nil {
		return errors.New("no URL")
	}
	for _, s := range schemes() {
		if s.name == u.Scheme {
			return s.check(u)
		}
	}
	return errors.New("want an " + schemeNames() + " URL, not" + unknownScheme(u.Scheme))
}

// IsDirectory reports whether a URL, which [Check] accepts, can mean nothing but a directory. What
// others mean, [Resolver.Resolve] tells.
func IsDirectory(u *url.URL) bool {
	return slices.ContainsFunc(schemes(), func(s scheme) bool { return s.name == u.Scheme && s.directory != nil && s.directory(u) })
}

// IsFile reports whether a URL, which [Check] accepts, can mean nothing but a file.
func IsFile(u *url.URL) bool {
	return slices.ContainsFunc(schemes(), func(s scheme) bool { return s.name == u.Scheme && s.directory == nil })
}

func checkHost(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("the URL has no host")
	}
	return nil
}

// unknownScheme names a scheme, and says where the objects are that people mean by it.
func unknownScheme(scheme string) string {
	if scheme == "" {
		return " another: a path begins with /, ./ or ../"
	}
	for _, store := range []struct{ schemes, advice string }{
		{"s3a s3n", "write s3://BUCKET/KEY"},
		{"docker docker-image", "write oci://REGISTRY/REPOSITORY:TAG"},
		{"oci+fetch", "write oci://REGISTRY/REPOSITORY:TAG"},
		{"gcs", "write gs://BUCKET/OBJECT"},
		{"abfs abfss wasb wasbs", "write az://ACCOUNT/CONTAINER/BLOB"},
	} {
		if slices.Contains(strings.Fields(store.schemes), scheme) {
			return fmt.Sprintf(" %q: %s", scheme, store.advice)
		}
	}
	return cmp.Or(redact.Quoted(scheme), " another")
}

func schemeNames() string {
	var names []string
	for _, s := range schemes() {
		names = append(names, s.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
