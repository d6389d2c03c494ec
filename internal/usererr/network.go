package usererr

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/inith/inith/internal/redact"
)

// Connection returns nil if err is neither [Network]'s nor [TLS]'s.
func Connection(err error) *Error {
	if r := Network(err); r != nil {
		return r
	}
	return TLS(err)
}

// Network returns nil if err is none of the resolver's or the kernel's.
func Network(err error) *Error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return explainDNS(dns)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Net == "unix" && errors.Is(err, syscall.ECONNREFUSED) {
		return &Error{Text: "connection refused", Hint: "check that the server runs: it left this socket behind, or the path is that of a file", Err: err}
	}
	if known := Errno(err, []Known{
		{syscall.ECONNREFUSED, "connection refused", "check that the server runs, and that the Service has ready endpoints on this port"},
		{syscall.EHOSTUNREACH, "no route to host", "the Pod no longer exists, or the network is not up yet"},
		{syscall.ENETUNREACH, "network unreachable", "this address family may have no route from here"},
		{syscall.ETIMEDOUT, "connection timed out", "check the address, and whether a NetworkPolicy or firewall drops the packets"},
		{syscall.ENOENT, "no such socket", "check that the volume with the socket is mounted, and that the server runs"},
		{syscall.EACCES, "permission denied", "check the mode and owner of the socket"},
	}); known != nil {
		return known
	}
	return dialed(err)
}

// dialed returns the kernel's own text for any other errno of a connection that was
// not opened.
func dialed(err error) *Error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "dial" {
		return nil
	}
	errno, ok := errors.AsType[syscall.Errno](op.Err)
	if !ok {
		return nil
	}
	return &Error{Text: errno.Error(), Err: err}
}

func explainDNS(err *net.DNSError) *Error {
	if err.IsNotFound {
		return &Error{
			Text: "name not found",
			Hint: "check that the Service exists in this namespace; in another one its name is name.namespace, and an external name resolves faster with a trailing dot",
			Err:  err,
		}
	}
	if err.Err == "server misbehaving" || err.Err == "lame referral" { // as package net calls SERVFAIL, REFUSED and the like
		return &Error{
			Text: "the name server answered that it cannot resolve the name",
			Hint: "check the log of the cluster's DNS: its own name servers may not answer, or refuse the name", Err: err,
		}
	}
	return &Error{Text: "the name server did not answer", Hint: "check that the cluster's DNS is reachable: a NetworkPolicy must allow port 53", Err: err}
}

// TLS returns nil if err is none of a handshake.
func TLS(err error) *Error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return &Error{Text: "TLS: the server does not speak TLS on this port", Hint: "use another port, or the scheme without TLS", Err: err}
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return &Error{Text: "TLS: the certificate is not for this name", Hint: nameHint(e.Certificate), Err: err}
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return &Error{Text: "TLS: the certificate has expired or is not valid yet", Hint: "check the clock of this node" + validity(e.Cert), Err: err}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return &Error{Text: "TLS: the certificate is signed by an unknown authority", Hint: "set --ca-file to the authority to trust", Err: err}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" { // as crypto/tls returns an alert
		return refusedHandshake(e)
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &Error{Text: "TLS: the certificate is not valid" + invalidity(e.Err), Err: err}
	}
	return nil
}

// refusedHandshake explains an alert of the server. Its text is crypto/tls's own, by the
// number of the alert.
func refusedHandshake(alert *net.OpError) *Error {
	text := strings.TrimPrefix(alert.Err.Error(), "tls: ")
	hint := "check whether it requires a client certificate (--cert-file, --key-file)"
	switch text {
	case "protocol version not supported":
		hint = "the server supports only versions before TLS 1.2"
	case "unrecognized name":
		hint = "set the name that the server expects with --tls-server-name"
	case "no application protocol":
		hint = "check that this port serves this protocol"
	}
	return &Error{Text: "TLS: the server refused the handshake: " + text, Hint: hint, Err: alert}
}

// invalidity says why a certificate is not valid. The text of err is not shown: it
// quotes the certificate.
func invalidity(err error) string {
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return ": it has a critical extension that is not supported"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return map[x509.InvalidReason]string{
			x509.NotAuthorizedToSign:           ": its issuer is not an authority",
			x509.CANotAuthorizedForThisName:    ": its authority may not sign for this name",
			x509.TooManyIntermediates:          ": its chain is too long",
			x509.IncompatibleUsage:             ": its key usage is not that of a server",
			x509.NameMismatch:                  ": its issuer has another name",
			x509.CANotAuthorizedForExtKeyUsage: ": its authority may not sign for servers",
		}[e.Reason]
	}
	return ""
}

// validity says when a certificate is valid.
func validity(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("; the certificate is valid from %s to %s", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
}

// nameHint says which names a certificate has.
func nameHint(c *x509.Certificate) string {
	has := names(c)
	if has == "" {
		return "the certificate has no subject alternative name, and its common name does not count: issue one that has the name"
	}
	return "set the name to verify with --tls-server-name; the certificate has " + has
}

// names returns what a certificate is for, "" if it says nothing about that.
func names(c *x509.Certificate) string {
	var all []string
	for _, name := range c.DNSNames {
		all = append(all, redact.Name(name))
	}
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	if len(all) > most {
		all = append(all[:most:most], "…")
	}
	return strings.Join(all, ", ")
}
