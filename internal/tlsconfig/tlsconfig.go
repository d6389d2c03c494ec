// Package tlsconfig makes TLS configurations of files that are mounted and rotated
// while inith runs.
package tlsconfig

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/inith/inith/internal/usererr"
)

// TLS says whom to trust and who we are. The zero value trusts the system's
// certificate authorities, or in an image without any, Mozilla's.
type TLS struct {
	CAFile     string // PEM; instead of the system's
	CertFile   string // PEM; our certificate and its chain
	KeyFile    string // PEM; the key of CertFile
	ServerName string // the name to verify; "" is the host
	SkipVerify bool   // accept any certificate
}

// Check returns an error if the fields contradict each other.
func (t TLS) Check() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("cert-file and key-file need each other")
	}
	return nil
}

// A Loader makes the config of each attempt. The files are read again each
// time, since they are mounted and rotated while inith waits, and parsed again
// when they have changed.
type Loader struct {
	TLS
	AnyName bool // verify the authority that has signed a certificate, and not whose it is

	ca    []byte // what pool was made of
	pool  *x509.CertPool
	cert  [2][]byte // what keys was made of
	chain []tls.Certificate
}

// Config returns the config for a host. That a file is not there is no usage
// error: the target is not ready.
func (l *Loader) Config(host string) (*tls.Config, error) {
	c := &tls.Config{
		ServerName:         cmp.Or(l.ServerName, host),
		InsecureSkipVerify: l.SkipVerify, //nolint:gosec // the user asked for it
	}
	if err := l.loadCA(); err != nil {
		return nil, err
	}
	if err := l.loadCert(); err != nil {
		return nil, err
	}
	c.Certificates = l.chain
	if !l.SkipVerify {
		c.RootCAs = l.pool
	}
	if l.AnyName && !l.SkipVerify {
		c.InsecureSkipVerify = true
		c.VerifyPeerCertificate = verifyChain(l.pool) //nolint:gosec // without a cache, no session is resumed
	}
	return c, nil
}

// verifyChain verifies that one of the authorities has signed the certificate of a server, whatever its name.
func verifyChain(authorities *x509.CertPool) func(raw [][]byte, _ [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		o := x509.VerifyOptions{Roots: authorities, Intermediates: x509.NewCertPool()}
		var server *x509.Certificate
		for _, der := range raw {
			c, err := x509.ParseCertificate(der)
			switch {
			case err != nil:
				return err
			case server == nil:
				server = c
			default:
				o.Intermediates.AddCert(c)
			}
		}
		if server == nil {
			return errors.New("no certificate")
		}
		_, err := server.Verify(o)
		return err
	}
}

func (l *Loader) loadCA() error {
	if l.SkipVerify {
		return nil
	}
	if l.CAFile == "" {
		l.pool = Authorities()
		return nil
	}
	ca, err := os.ReadFile(l.CAFile)
	if err != nil {
		return usererr.File("CA file", l.CAFile, err)
	}
	if l.pool != nil && bytes.Equal(ca, l.ca) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return &usererr.Error{Text: fmt.Sprintf("CA file %q has no certificate", l.CAFile), Hint: "it must be PEM"}
	}
	l.ca, l.pool = ca, pool
	return nil
}

func (l *Loader) loadCert() error {
	if l.CertFile == "" {
		return nil
	}
	cert, err := os.ReadFile(l.CertFile)
	if err != nil {
		return usererr.File("certificate file", l.CertFile, err)
	}
	key, err := os.ReadFile(l.KeyFile)
	if err != nil {
		return usererr.File("key file", l.KeyFile, err)
	}
	if l.chain != nil && bytes.Equal(cert, l.cert[0]) && bytes.Equal(key, l.cert[1]) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return &usererr.Error{Text: fmt.Sprintf("certificate %q and key %q do not belong together", l.CertFile, l.KeyFile), Err: err}
	}
	l.cert, l.chain = [2][]byte{cert, key}, []tls.Certificate{pair}
	return nil
}
