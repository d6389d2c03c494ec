package validate

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/duration"
)

// A bundle is the content of a PEM file.
type bundle struct {
	certificates []located[*x509.Certificate]
	keys         []located[crypto.Signer]
	encrypted    []int // the lines of encrypted keys
	problems     []*diag.Error
}

// A located is a block and the line where it begins.
type located[T any] struct {
	line int
	it   T
}

// readPEM reads all blocks of a file.
func readPEM(path string, data []byte) bundle {
	var b bundle
	begun, read := begunBlocks(data), 0
	for rest := data; ; {
		offset := len(data) - len(rest) + beginning(rest)
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = after
		read++
		if why := b.take(block, lineOf(data, offset)); why != "" {
			hint := "check that it was not truncated, or changed by an editor or a template"
			if why == errUnsupported.Error() {
				hint = ""
			}
			b.add(path, lineOf(data, offset), why, hint)
		}
	}
	switch {
	case begun == 0:
		b.add(path, 0, "it has no PEM block", "PEM begins with -----BEGIN; check that it is not DER or another file")
	case read < begun:
		b.add(path, 0, fmt.Sprintf("%d of its %d PEM blocks cannot be read", begun-read, begun), "check that no line is missing, indented or joined")
	}
	return b
}

func (b *bundle) add(path string, line int, message, hint string) {
	b.problems = append(b.problems, inLine(path, line, rulePEM, message, hint))
}

// beginning returns the offset of the first line that begins a block, 0 if there is none.
func beginning(data []byte) int {
	if bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return 0
	}
	return bytes.Index(data, []byte("\n-----BEGIN ")) + 1
}

// begunBlocks counts the lines that begin a block. In a comment, for one, they do not.
func begunBlocks(data []byte) int {
	count := 0
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte("-----BEGIN ")) {
			count++
		}
	}
	return count
}

// take adds a block, and returns what is wrong with it.
func (b *bundle) take(block *pem.Block, line int) string {
	switch {
	case block.Type == "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "a CERTIFICATE block is not a certificate"
		}
		b.certificates = append(b.certificates, located[*x509.Certificate]{line, c})
	case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		b.encrypted = append(b.encrypted, line)
	case block.Type == "DSA PRIVATE KEY":
		return errUnsupported.Error()
	case strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Type != "OPENSSH PRIVATE KEY":
		key, err := parseKey(block.Bytes)
		if err != nil {
			return err.Error()
		}
		b.keys = append(b.keys, located[crypto.Signer]{line, key})
	}
	return "" // parameters and public keys are ignored
}

var (
	errNotKey      = errors.New("a PRIVATE KEY block is not a readable private key")
	errUnsupported = errors.New("the private key has an algorithm that is not supported: inith cannot check it")
)

func parseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errUnsupported
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	elliptic, ecErr := x509.ParseECPrivateKey(der)
	switch {
	case ecErr == nil:
		return elliptic, nil
	case isUnknown(err) || isUnknown(ecErr):
		return nil, errUnsupported
	default:
		return nil, errNotKey
	}
}

// isUnknown reports whether a key is well-formed, and of an algorithm or a curve that crypto/x509 does not know. It has
// no type for that.
func isUnknown(err error) bool {
	return strings.Contains(err.Error(), "unknown algorithm") || strings.Contains(err.Error(), "unknown elliptic curve")
}

func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// checkPEM checks a file of which only the format is known.
func checkPEM(path string, data []byte) []*diag.Error {
	b := readPEM(path, data)
	problems := b.problems
	for _, line := range b.encrypted {
		problems = append(problems, encryptedKey(path, line))
	}
	if len(b.certificates) > 0 && !b.certificates[0].it.IsCA {
		problems = append(problems, checkValidity(path, b.certificates[0], 0)...)
	}
	return problems
}

func encryptedKey(path string, line int) *diag.Error {
	return inLine(path, line, ruleEncrypted, "the private key is encrypted",
		"the application must know the passphrase; keyEncrypted: true in a tls rule declares that it does")
}

// checkValidity checks the validity period of a certificate.
func checkValidity(path string, c located[*x509.Certificate], least time.Duration) []*diag.Error {
	now := time.Now()
	p := inLine(path, c.line, "", "", "")
	date := func(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }
	switch {
	case now.After(c.it.NotAfter):
		p.Code, p.Message, p.Hint = ruleExpired, "the certificate expired on "+date(c.it.NotAfter), "renew it, or check the clock of this node"
	case now.Before(c.it.NotBefore):
		p.Code, p.Message, p.Hint = ruleNotYet, "the certificate is not valid before "+date(c.it.NotBefore), "check the clock of this node"
	case now.Add(least).After(c.it.NotAfter):
		p.Code, p.Hint = ruleExpires, "renew it"
		p.Message = fmt.Sprintf("the certificate expires on %s, in less than %s", date(c.it.NotAfter), duration.Format(least))
	default:
		return nil
	}
	return []*diag.Error{p}
}
