package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// statusError says what a status means, nil if it comes with bytes.
func statusError(resp *http.Response) error {
	code := resp.StatusCode
	err := &usererr.Error{Text: fmt.Sprintf("answered status %d (%s)", code, statusText(code))}
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		err.Hint = "Check that the credentials (--header-file, --bearer-file, --password-file) give access. A signed link may have expired."
		return Permanent(err)
	case http.StatusNotFound, http.StatusGone:
		err.Hint = "Check the URL."
		return Permanent(err)
	case http.StatusProxyAuthRequired:
		err.Hint = "the proxy wants credentials: put them into the URL of --proxy-from-env"
		return Permanent(err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return &ThrottleError{err, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusMisdirectedRequest:
		return err
	case http.StatusNotImplemented:
		return Permanent(err)
	case http.StatusRequestedRangeNotSatisfiable:
		return nil
	}
	switch {
	case code >= 500:
		return err
	case code >= 300:
		return Permanent(err)
	default:
		return nil
	}
}

func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return text
	}
	return "not a status of HTTP's"
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3); zero for what is
// neither, or past.
func retryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(s, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// explain says in our own words why there was no answer, or why it broke off.
func explain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL
	}
	for _, ours := range []error{errorIn[*PermanentError](err), errorIn[*ThrottleError](err), errorIn[*usererr.Error](err)} {
		if ours != nil {
			return ours // without what others have put around it
		}
	}
	if r := usererr.Network(err); r != nil {
		return r
	}
	if r := usererr.TLS(err); r != nil {
		if _, cert := errors.AsType[*tls.CertificateVerificationError](err); cert {
			return Permanent(r)
		}
		return r
	}
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case isNet && netErr.Timeout(), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &usererr.Error{Text: "no answer in time", Hint: "the server is overloaded or hangs, or a firewall drops the packets", Err: err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return &usererr.Error{Text: ErrCut.Error(), Err: err}
	default:
		return &usererr.Error{Text: "answer not understood", Hint: "does this port speak HTTP? Is a proxy between?", Err: err}
	}
}

// errorIn returns the error of a type that err wraps, nil if there is none.
func errorIn[E error](err error) error {
	if e, ok := errors.AsType[E](err); ok {
		return e
	}
	return nil
}
