package probe

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/libpq"
)

// postgresReason explains an error response of a server, and marks it as the wait needs it.
func postgresReason(code string) error {
	switch r := libpq.Reason(code); {
	case strings.HasPrefix(code, "28") && len(code) == 5:
		return Rejected(r)
	case code == "42601":
		return Permanent(r)
	default:
		return r
	}
}

// postgresError reduces an error of pgconn to its SQLSTATE and a text of ours.
func postgresError(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresReason(e.Code)
	}
	return libpq.Error(err)
}
