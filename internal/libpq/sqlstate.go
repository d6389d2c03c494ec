package libpq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/usererr"
)

// A verdict is what a SQLSTATE means to a client that waits for the server.
type verdict struct{ text, hint string }

// verdicts are by SQLSTATE, or by its class, the first two characters.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func verdicts() map[string]verdict {
	const login = "check that the user exists, and that the password is correct for this server; #password-file= is read again at each attempt"
	return map[string]verdict{
		"57P03": {text: "the server is starting up, shutting down or in recovery"},
		"57P01": {text: "the server is shutting down"},
		"57P02": {text: "the server is restarting after a crash"},
		"53300": {text: "too many clients", hint: "the server is up but has no connection left"},
		"28P01": {text: "user or password refused", hint: login},
		"28000": {text: "login refused", hint: "check that pg_hba.conf allows this user, database, address and TLS mode, and that the user exists"},
		"3D000": {text: "the database does not exist (yet)", hint: "check whether the job that creates it has run"},
		"42P01": {text: "the relation does not exist (yet)", hint: "check whether the migrations have run"},
		"3F000": {text: "the schema does not exist (yet)", hint: "check whether the migrations have run"},
		"42703": {text: "the column does not exist (yet)", hint: "check whether the migrations have run"},
		"42501": {text: "permission denied", hint: "grant the user CONNECT on the database, or SELECT on the relation"},
		"42601": {text: "the sql query has a syntax error"},
		"08P01": {text: "protocol violation", hint: "PgBouncer reports this when it cannot reach its server, or does not know the user or database"},
		"08":    {text: "connection failure", hint: "a pooler reports this when it cannot reach its server"},
		"28":    {text: "login refused", hint: login},
		"53":    {text: "insufficient resources"},
		"57":    {text: "operator intervention"},
		"58":    {text: "system error", hint: "a pooler reports this when it cannot reach its server"},
		"XX":    {text: "internal error"},
	}
}

// Reason explains an error response of a server. The server's own text is not
// shown, nor an invalid code: the server may repeat in it what it was sent.
func Reason(code string) *usererr.Error {
	if !valid(code) {
		return &usererr.Error{
			Text: "the server refused, without a valid SQLSTATE",
			Hint: "check that a PostgreSQL server answers at this address",
		}
	}
	table := verdicts()
	v, ok := table[code]
	if !ok {
		v, ok = table[code[:2]]
	}
	if !ok {
		v = verdict{text: "the server refused"}
	}
	return &usererr.Error{Text: fmt.Sprintf("%s (SQLSTATE %s)", v.text, code), Hint: v.hint}
}

// valid reports whether a code is a SQLSTATE: five digits and upper-case letters.
func valid(code string) bool {
	return len(code) == 5 && strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Error reduces an error of pgconn to its SQLSTATE and a text of ours.
func Error(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return Reason(e.Code)
	}
	for _, other := range []error{
		pgconn.ErrPrimaryConnection, pgconn.ErrStandbyConnection, pgconn.ErrReadOnlyConnection, pgconn.ErrReadWriteConnection,
	} {
		if errors.Is(err, other) {
			return &usererr.Error{Text: "no host has the requested target_session_attrs", Err: err}
		}
	}
	return err
}
