package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/inith/inith/internal/redact"
)

// A reason says in inith's own words why a target is not ready. Neither text nor
// hint holds a secret; err is for errors.As only and is never shown.
type reason struct {
	text string
	hint string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// explain says what the error of an attempt means that had limit for it.
func explain(ctx context.Context, err error, t Trace, limit time.Duration) error {
	if r, ok := errors.AsType[*reason](err); ok && r != nil {
		return err
	}
	if expired(ctx) {
		return tooSlow(t, limit, err)
	}
	if r := explainNetwork(err); r != nil {
		return r
	}
	if r := explainTLS(err); r != nil {
		return r
	}
	return explainEnd(err, t)
}

// tooSlow says what an attempt was doing when its time was over. The text holds
// the limit, not a measurement, so that it is the same each time.
func tooSlow(t Trace, limit time.Duration, err error) *reason {
	limit = limit.Round(time.Millisecond)
	switch {
	case len(t.Addresses) == 0:
		return &reason{
			text: fmt.Sprintf("name not resolved within %v", limit),
			hint: "is the cluster's DNS reachable? A NetworkPolicy must allow port 53", err: err,
		}
	case !t.Accepted:
		return &reason{
			text: fmt.Sprintf("no answer to the connection within %v", limit),
			hint: "a NetworkPolicy or firewall drops it, or the address is wrong", err: err,
		}
	case !t.Answered:
		return &reason{
			text: fmt.Sprintf("accepted the connection, then said nothing for %v", limit),
			hint: "the server hangs, or a proxy waits for its backend, or this port speaks another protocol", err: err,
		}
	default:
		return &reason{text: fmt.Sprintf("did not finish its answer within %v", limit), hint: "the server is overloaded or hangs", err: err}
	}
}

// explainNetwork returns nil if err is none of the resolver's or the kernel's.
func explainNetwork(err error) *reason {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return explainDNS(dns)
	}
	for _, known := range []struct {
		errno      syscall.Errno
		text, hint string
	}{
		{syscall.ECONNREFUSED, "connection refused", "nothing listens there: is the server up, and does the Service have ready endpoints on this port?"},
		{syscall.EHOSTUNREACH, "no route to host", "the Pod is gone, or the network is not up yet"},
		{syscall.ENETUNREACH, "network unreachable", "this address family may have no route here"},
		{syscall.ETIMEDOUT, "connection timed out", "a NetworkPolicy or firewall drops it, or the address is wrong"},
		{syscall.ENOENT, "no such socket", "is the volume with the socket mounted, and the server up?"},
		{syscall.EACCES, "permission denied", "the socket's mode or owner keeps this user out"},
	} {
		if errors.Is(err, known.errno) {
			return &reason{text: known.text, hint: known.hint, err: err}
		}
	}
	return nil
}

func explainDNS(err *net.DNSError) *reason {
	if err.IsNotFound {
		return &reason{
			text: "name not found",
			hint: "is the Service created, in this namespace? Another one's is name.namespace; an external name is looked up faster with a trailing dot",
			err:  err,
		}
	}
	return &reason{text: "name server did not answer", hint: "is the cluster's DNS reachable? A NetworkPolicy must allow port 53", err: err}
}

// explainTLS returns nil if err is none of a handshake.
func explainTLS(err error) *reason {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return &reason{text: "TLS: the server does not speak TLS on this port", hint: "another port, or the scheme without TLS", err: err}
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return &reason{text: "TLS: the certificate is not for this name", hint: fmt.Sprintf("--tls-server-name sets the name to verify; the certificate has %s", names(e.Certificate)), err: err}
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return &reason{text: "TLS: the certificate has expired or is not valid yet", hint: "is the clock of this node right?", err: err}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return &reason{text: "TLS: the certificate is signed by an unknown authority", hint: "--ca-file names the authority to trust", err: err}
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return &reason{text: "TLS: the server refused the handshake: " + e.Error(), hint: "does it want a client certificate (--cert-file, --key-file)?", err: err}
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &reason{text: "TLS: the certificate is not valid: " + redact.Line(e.Err.Error()), err: err}
	}
	return nil
}

func names(c *x509.Certificate) string {
	all := c.DNSNames
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	if len(all) > most {
		all = append(all[:most:most], "…")
	}
	if len(all) == 0 {
		return "none"
	}
	return redact.Line(strings.Join(all, ", "))
}

// explainEnd says how a connection ended, or that the answer was not understood.
func explainEnd(err error, t Trace) *reason {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case t.Accepted && !t.Answered:
		return &reason{
			text: "accepted the connection and closed it without an answer",
			hint: "a proxy without a backend does that, and a port that speaks another protocol or TLS", err: err,
		}
	case ended:
		return &reason{text: "closed the connection in the middle of its answer", err: err}
	default:
		// The text of err may quote the answer, and an answer what was sent.
		return &reason{text: "answer not understood", hint: "does this port speak another protocol?", err: err}
	}
}

// String tells the way of an attempt in one line, such as "dialed 10.0.0.7:443,
// port accepted, TLS verified".
func (t Trace) String() string {
	var way []string
	if len(t.Addresses) > 0 {
		way = append(way, "dialed "+strings.Join(t.Addresses, ", "))
	} else {
		way = append(way, "no address dialed")
	}
	switch {
	case t.Accepted:
		way = append(way, "port accepted")
	case len(t.Addresses) > 0:
		way = append(way, "port did not accept")
	}
	switch {
	case t.Verified:
		way = append(way, "TLS verified")
	case t.TLS:
		way = append(way, "TLS with a certificate that is not verified")
	}
	if t.Accepted && !t.Answered {
		way = append(way, "nothing was answered")
	}
	return strings.Join(way, ", ")
}
