package libpq_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/libpq"
)

func TestReason(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"57P03": "the server is starting up, shutting down or in recovery (SQLSTATE 57P03)",
		"08XXX": "connection failure (SQLSTATE 08XXX)", // by its class
		"ZZ999": "the server refused (SQLSTATE ZZ999)",
	} {
		if got := libpq.Reason(code); got.Text != want {
			t.Errorf("%s: %q, want %q", code, got.Text, want)
		}
	}
}

// TestReasonShowsValidCodesOnly has the server put something else where the code
// belongs, such as the password that it was sent.
func TestReasonShowsValidCodesOnly(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "s3cr3t", "S3CR3T", "28p01", "28P0", "28 01", "2\n8P1", "57P0\x1b", "ÄÄ1"} {
		got := libpq.Reason(code)
		if code != "" && strings.Contains(got.Text+got.Hint, code) || !strings.Contains(got.Text, "without a valid SQLSTATE") {
			t.Errorf("%q: %q", code, got.Text)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	other := errors.New("another")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&pgconn.PgError{Code: "28P01", Message: "s3cr3t"}, "SQLSTATE 28P01"},
		{pgconn.ErrStandbyConnection, "no host has the requested target_session_attrs"},
		{other, "another"},
	} {
		if got := libpq.Error(tt.err).Error(); !strings.Contains(got, tt.want) || strings.Contains(got, "s3cr3t") {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}
