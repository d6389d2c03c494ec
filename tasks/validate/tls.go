package validate

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/diag"
)

// A TLSRule describes the files of a TLS server or client.
type TLSRule struct {
	Cert, Key string // the certificate chain and its private key; "" for none
	CA        string // the CAs that it must chain to; "" for any

	Names        []string      // DNS names and IP addresses that the certificate must cover
	MinValidity  time.Duration // remaining
	MinKeySize   int           // of an RSA key, in bits; zero is 2048
	KeyEncrypted bool          // the application knows the passphrase of the key

	AppearWithin time.Duration // how long the files may be missing or empty
	ReadableBy   *Identity     // who must be able to read the files; nil: only inith
}

// files returns rules for the single files.
func (r *TLSRule) files() []FileRule {
	var all []FileRule
	for _, path := range []string{r.Cert, r.Key, r.CA} {
		if path != "" {
			all = append(all, FileRule{Path: path, Format: PEM, AppearWithin: r.AppearWithin, ReadableBy: r.ReadableBy})
		}
	}
	return all
}

// tls checks certificates and the files that belong to them.
func (s *session) tls(ctx context.Context, r TLSRule) {
	bundles := map[string]bundle{}
	for _, f := range r.files() {
		data, ok := s.open(ctx, f)
		if !ok {
			continue
		}
		b := readPEM(f.Path, data)
		s.add(b.problems...)
		if len(b.problems) == 0 {
			bundles[f.Path] = b
		}
	}
	c := &chain{rule: r}
	if b, ok := bundles[r.CA]; ok {
		s.checked(r.CA, 1)
		c.checkCA(b)
	}
	if b, ok := bundles[r.Cert]; ok && c.checkCertificates(b) {
		s.checked(r.Cert, 4)
		if roots, ok := bundles[r.CA]; ok {
			s.checked(r.Cert, 1)
			c.checkTrust(roots)
		}
	}
	if b, ok := bundles[r.Key]; ok {
		s.checked(r.Key, 1)
		c.checkKey(b)
	}
	s.add(c.problems...)
}

// A chain is the certificates of a server, its own first.
type chain struct {
	rule     TLSRule
	all      []located[*x509.Certificate]
	problems []*diag.Error
}

func (c *chain) add(path string, line int, rule, message, hint string) {
	c.problems = append(c.problems, inLine(path, line, rule, message, hint))
}

func (c *chain) checkCA(b bundle) {
	authorities := 0
	for _, a := range b.certificates {
		if a.it.IsCA || a.it.Version < 3 { // X.509 v1 has no extension for CAs
			authorities++
		}
	}
	switch {
	case len(b.certificates) == 0:
		c.add(c.rule.CA, 0, ruleNoCA, "it has no certificate", "check that it is the CA file")
	case authorities == 0:
		c.add(c.rule.CA, 0, ruleNoCA, "it has no CA certificate", "check that it is not the server certificate")
	}
}

// checkCertificates checks the certificates. It reports whether there is one.
func (c *chain) checkCertificates(b bundle) bool {
	path := c.rule.Cert
	if len(b.certificates) == 0 {
		c.add(path, 0, ruleNoCert, "it has no certificate", "check that certificate and key are not swapped")
		return false
	}
	c.all = b.certificates
	c.checkOrder()
	leaf := c.all[0]
	c.problems = append(c.problems, checkValidity(path, leaf, c.rule.MinValidity)...)
	for _, name := range c.rule.Names {
		if leaf.it.VerifyHostname(name) != nil {
			c.add(path, leaf.line, ruleNames, fmt.Sprintf("the certificate does not cover %q", name), namesHint(leaf.it))
		}
	}
	least := cmp.Or(c.rule.MinKeySize, 2048)
	if key, ok := leaf.it.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < least {
		c.add(path, leaf.line, ruleKeySize, fmt.Sprintf("its RSA key has fewer than %d bits", least), "create a new key")
	}
	return true
}

func namesHint(leaf *x509.Certificate) string {
	n := len(leaf.DNSNames) + len(leaf.IPAddresses)
	if n == 0 {
		return "it has no subject alternative name; the common name is ignored"
	}
	return fmt.Sprintf("it has %d subject alternative names; * matches one label", n)
}

// checkOrder finds the first certificate that the next one did not sign.
func (c *chain) checkOrder() {
	for i := range len(c.all) - 1 {
		one, next := c.all[i], c.all[i+1]
		if one.it.CheckSignatureFrom(next.it) == nil {
			continue
		}
		if one.it.IsCA && !next.it.IsCA || c.signer(i) {
			c.add(c.rule.Cert, one.line, ruleOrder, "the certificates are in the wrong order",
				"put the server certificate first, each followed by the one that signed it")
		} else {
			c.add(c.rule.Cert, next.line, ruleLink, "this certificate did not sign the one before it", "use the chain of the server certificate")
		}
		return
	}
}

// signer reports whether a certificate other than the next one signed certificate i.
func (c *chain) signer(i int) bool {
	for j, other := range c.all {
		if j != i && c.all[i].it.CheckSignatureFrom(other.it) == nil {
			return true
		}
	}
	return false
}

// checkTrust checks that the certificate chains to a CA. The validity of the certificate itself is checked elsewhere.
func (c *chain) checkTrust(authorities bundle) {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range authorities.certificates {
		roots.AddCert(a.it)
	}
	for _, next := range c.all[1:] {
		between.AddCert(next.it)
	}
	leaf, now := c.all[0], time.Now()
	if now.Before(leaf.it.NotBefore) || now.After(leaf.it.NotAfter) {
		now = leaf.it.NotBefore.Add(leaf.it.NotAfter.Sub(leaf.it.NotBefore) / 2)
	}
	_, err := leaf.it.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil || len(authorities.certificates) == 0 {
		return
	}
	message, hint := "it does not chain to a CA in the ca file", "check that the intermediate certificate follows the server certificate"
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		message = "a certificate in its chain is not allowed to sign it"
		if invalid.Reason == x509.Expired {
			message, hint = "a certificate in its chain has expired", "renew the chain"
		}
	}
	c.add(c.rule.Cert, leaf.line, ruleChain, message, hint)
}

func (c *chain) checkKey(b bundle) {
	path := c.rule.Key
	switch {
	case len(b.encrypted) > 0 && !c.rule.KeyEncrypted:
		c.problems = append(c.problems, encryptedKey(path, b.encrypted[0]))
	case len(b.encrypted) > 0:
	case len(b.keys) == 0:
		c.add(path, 0, ruleNoKey, "it has no private key", "check that certificate and key are not swapped")
	case len(c.all) > 0 && !samePublicKey(c.all[0].it.PublicKey, b.keys[0].it):
		c.add(path, b.keys[0].line, ruleKeyMatch, "the private key does not match the certificate", "check that both were renewed together")
	}
}

func samePublicKey(public crypto.PublicKey, key crypto.Signer) bool {
	k, ok := key.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	return ok && k.Equal(public)
}
