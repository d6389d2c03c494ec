package usererr_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// TestConnection gives each error as the standard library does: wrapped.
func TestConnection(t *testing.T) {
	t.Parallel()
	dialed := func(e syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	verify := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{dialed(syscall.ECONNREFUSED), "connection refused"},
		{dialed(syscall.EHOSTUNREACH), "no route to host"},
		{dialed(syscall.ENETUNREACH), "network unreachable"},
		{dialed(syscall.ETIMEDOUT), "connection timed out"},
		{dialed(syscall.ENOENT), "no such socket"},
		{&net.DNSError{Name: "s3cr3t", IsNotFound: true}, "name not found"},
		{&net.DNSError{Name: "s3cr3t", IsTimeout: true}, "the name server did not answer"},
		{&net.DNSError{Name: "s3cr3t", Err: "server misbehaving"}, "answered that it cannot resolve"},
		{tls.RecordHeaderError{Msg: "s3cr3t"}, "does not speak TLS"},
		{verify(x509.UnknownAuthorityError{}), "unknown authority"},
		{verify(x509.CertificateInvalidError{Reason: x509.Expired}), "expired or is not valid yet"},
		{verify(x509.CertificateInvalidError{Reason: x509.IncompatibleUsage, Detail: "s3cr3t"}), "its key usage is not that of a server"},
		{verify(x509.CertificateInvalidError{Reason: x509.CANotAuthorizedForThisName, Detail: "s3cr3t"}), "may not sign for this name"},
		{verify(errors.New("s3cr3t")), "TLS: the certificate is not valid"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(116)}, "TLS: the server refused the handshake: certificate required"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(70)}, "TLS: the server refused the handshake: protocol version not supported"},
		{dialed(syscall.EADDRNOTAVAIL), "cannot assign requested address"},
		{dialed(syscall.EMFILE), "too many open files"},
	} {
		got := usererr.Connection(fmt.Errorf("s3cr3t: %w", tt.err))
		if got == nil || !strings.Contains(got.Text, tt.want) || strings.Contains(got.Text+got.Hint, "s3cr3t") {
			t.Errorf("%T: %+v, want %q", tt.err, got, tt.want)
		}
	}
	socket := &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if got := usererr.Connection(socket); got == nil || got.Text != "connection refused" || strings.Contains(got.Hint, "Service") {
		t.Errorf("got %+v for a socket that is left of a server", got)
	}
	read := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	if got := usererr.Connection(read); got != nil {
		t.Errorf("got %+v for a connection that was reset, which its caller explains", got)
	}
	if got := usererr.Connection(errors.New("another")); got != nil {
		t.Errorf("got %+v for an error of neither network nor TLS", got)
	}
}

// TestCertificateNames has a server name something else than hosts in its certificate.
func TestCertificateNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, "its common name does not count: issue one that has the name"},
		{[]string{"*.example.com", "s3cr3t\n\x1b[31m", "p@ss;word"}, "the certificate has *.example.com, …, …"},
		{[]string{"a", "b", "c", "d", "e", "f"}, "the certificate has a, b, c, d, e, …"},
	} {
		got := usererr.TLS(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: tt.names}, Host: "h"})
		if got == nil || !strings.HasSuffix(got.Hint, tt.want) {
			t.Errorf("%q: %+v, want %q", tt.names, got, tt.want)
		}
	}
}

// TestCertificateTime has the certificate of a server whose time is over: its owner sees when.
func TestCertificateTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	got := usererr.TLS(x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: at, NotAfter: at.AddDate(0, 3, 0)}})
	if want := "valid from 2026-01-02T03:04:05Z to 2026-04-02T03:04:05Z"; got == nil || !strings.HasSuffix(got.Hint, want) {
		t.Errorf("%+v, want %q", got, want)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "open", Path: "/s3cr3t", Err: syscall.EROFS}, "the file system is read-only"},
		{&fs.PathError{Op: "open", Path: "/s3cr3t", Err: syscall.ENOENT}, "no such file or directory"},
		{&os.LinkError{Op: "rename", Old: "/s3cr3t", New: "/s3cr3t", Err: syscall.EXDEV}, "invalid cross-device link"},
		{syscall.ENOSPC, "no space left on the volume"},
	} {
		if got := usererr.Local(tt.err); got.Text != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got.Text, tt.want)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{fs.ErrNotExist: "does not exist yet", fs.ErrPermission: "cannot be read"} {
		got := usererr.File("password file", "/run/secrets/db", err)
		if want := `password file "/run/secrets/db" ` + want; got.Error() != want || usererr.Hint(got) == "" || !errors.Is(got, err) {
			t.Errorf("got %q, want %q with a hint", got, want)
		}
	}
}
