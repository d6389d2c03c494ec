package mysqlclient

import (
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"github.com/inith/inith/internal/usererr"
)

// An Error is an error packet of the server.
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
type Error struct {
	Number uint16
	known  usererr.Error
}

func (e *Error) Error() string { return e.known.Text }

// Unwrap returns what the text and the hint are found by.
func (e *Error) Unwrap() error { return &e.known }

// Reason says what the number of an error packet means. The server's own text may quote anything.
func Reason(number uint16) *Error {
	known := map[uint16]usererr.Error{
		1040: {Text: "the server has too many connections", Hint: "raise max_connections, or reduce the number of clients"},
		1044: {Text: "the user has no access to the database", Hint: "grant it, or name another database in the URL"},
		1045: {Text: "user or password refused", Hint: "check user and password, and that the user may log in from here with this ssl-mode"},
		1049: {Text: "the database does not exist (yet)", Hint: "check whether the job that creates it has run"},
		1053: {Text: "the server is shutting down"},
		1064: {Text: "the sql query has a syntax error"},
		1129: {Text: "the server has blocked this host", Hint: "find out whose connections failed, then run mysqladmin flush-hosts"},
		1130: {Text: "the server does not accept this host", Hint: "create the user for it: 'user'@'%'"},
		1142: {Text: "permission denied", Hint: "grant the user SELECT on the table"},
		1146: {Text: "the table does not exist (yet)", Hint: "check whether the migrations have run"},
		1054: {Text: "the column does not exist (yet)", Hint: "check whether the migrations have run"},
		1317: {Text: "the statement was killed"},
		1698: {Text: "login refused", Hint: "the user has an authentication plugin that this client cannot use, such as unix_socket"},
		1927: {Text: "the session was killed"},
		3159: {Text: "the server requires TLS", Hint: "set ssl-mode=required in the URL"},
		3118: {Text: "the account is locked", Hint: "unlock it with ALTER USER"},
	}[number]
	if known.Text == "" {
		known.Text = "the server answered with an error"
	}
	known.Text = fmt.Sprintf("%s (error %d)", known.Text, number)
	return &Error{Number: number, known: known}
}

// explain says what the server refused. Other errors are the driver's, which may quote anything: only their kind is to be
// looked at.
func explain(err error) error {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return Reason(e.Number)
	}
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return &usererr.Error{Text: "the server does not offer TLS", Hint: "set ssl-mode=preferred in the URL to connect without", Err: err}
	case errors.Is(err, mysql.ErrUnknownPlugin):
		return &usererr.Error{
			Text: "the user has an authentication plugin that inith does not support",
			Hint: "give the user another plugin, such as caching_sha2_password", Err: err,
		}
	}
	return err
}
