package libpq

import (
	"errors"
	"slices"
	"strings"

	"github.com/inith/inith/internal/target"
)

// driverKeys are query keys of drivers of Python, Node, Java, Go, Ruby, PHP and Rust, by [target.DriverKey], and the keys
// of libpq that mean the same.
func driverKeys() map[string]string {
	return map[string]string{
		"sslca": "sslrootcert", "sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey", // sqlx
		"socket": "host", "unixsocket": "host", "socketdir": "host", "socketpath": "host", // Ecto, Laravel, Doctrine
		"targetsessionattrs": "target_session_attrs", "dbname": "database",
	}
}

// translate returns the settings of libpq that a query key means, none if it does not matter, nil if it is not known. Its
// error does not quote the value.
func translate(key, value string) (map[string]string, error) {
	switch name := target.DriverKey(key); {
	case slices.Contains(activeKeys(), key):
		return map[string]string{key: value}, nil
	case slices.Contains(idleKeys(), key), key == "sslaccept":
		return map[string]string{}, nil
	case name == "ssl", name == "sslmode": // asyncpg, node-postgres, sqlx
		mode := target.SSLMode(value)
		if mode == "" {
			return nil, errors.New("want disable, allow, prefer, require, verify-ca or verify-full")
		}
		return map[string]string{"sslmode": mode}, nil
	case name == "requiressl", name == "usessl": // libpq before 7.4; R2DBC
		return require(value)
	case name == "sslfactory" && strings.HasSuffix(value, "NonValidatingFactory"): // pgjdbc
		return map[string]string{"sslmode": "require"}, nil
	case name == "sslminprotocolversion" && slices.Contains([]string{"TLSv1", "TLSv1.1", "TLSv1.2"}, value):
		return map[string]string{}, nil // Go has no version before TLS 1.2
	case name == "targetservertype":
		return serverType(value)
	case driverKeys()[name] != "":
		return map[string]string{driverKeys()[name]: value}, nil
	}
	return nil, nil //nolint:nilnil // not known
}

func require(value string) (map[string]string, error) {
	on, err := target.Boolean(value)
	if err != nil {
		return nil, err
	}
	if !on {
		return map[string]string{}, nil
	}
	return map[string]string{"sslmode": "require"}, nil
}

// serverType translates pgjdbc's targetServerType.
// https://jdbc.postgresql.org/documentation/use/#connection-parameters
func serverType(value string) (map[string]string, error) {
	attrs := map[string]string{
		"any": "any", "preferPrimary": "any", "primary": "primary", "master": "primary", "secondary": "standby", "slave": "standby",
		"preferSecondary": "prefer-standby", "preferSlave": "prefer-standby",
	}[value]
	if attrs == "" {
		return nil, errors.New("want any, primary, secondary, preferPrimary or preferSecondary")
	}
	return map[string]string{"target_session_attrs": attrs}, nil
}

// applyPrisma translates sslaccept, with which sslcert is the certificate of an authority.
// https://www.prisma.io/docs/orm/overview/databases/postgresql#configuring-an-ssl-connection
func applyPrisma(settings map[string]string, accept string) error {
	settings["sslrootcert"], settings["sslcert"] = settings["sslcert"], ""
	if settings["sslmode"] == "disable" {
		return nil
	}
	switch accept {
	case "strict":
		settings["sslmode"] = "verify-full"
	case "accept_invalid_certs":
		settings["sslrootcert"] = ""
	default:
		return errors.New(`query key "sslaccept": want strict or accept_invalid_certs`)
	}
	return nil
}
