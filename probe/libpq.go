package probe

import (
	"maps"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/libpq"
)

// config asks pgconn what libpq would do with the settings: which hosts, each
// with and without TLS.
func (d *database) config(password string) (*pgconn.Config, error) {
	settings := maps.Clone(d.settings)
	if password != "" {
		settings["password"] = password
	}
	switch {
	case d.spec.level == LevelTCP:
		settings["sslmode"], settings["sslrootcert"], settings["sslcert"], settings["sslkey"] = "disable", "", "", ""
	case d.plainFirst && settings["sslmode"] == "prefer":
		settings["sslmode"] = "allow"
	}
	c, err := libpq.Config(settings, d.spec.tls.ServerName)
	if err != nil {
		return nil, err
	}
	c.DialFunc = d.spec.dialer.DialContext
	c.BuildFrontend = newFrontend
	for _, way := range libpq.TLS(c) {
		*way = d.spec.dialer.watch(*way)
	}
	return c, nil
}
