package probe

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/libpq"
)

// postgresReason says what an error answer of a server means for somebody who
// waits.
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
