package mysqlclient

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// settings are what the query of a URL says.
type settings struct {
	tls    tlsconfig.TLS
	mode   string // libpq's word for the strictest one that was asked for; "" for none
	socket string // path
	prisma bool   // sslcert is the certificate of an authority
}

// query reads the keys of MySQL's own programs, and those of drivers of Python, Node, Java, Go, Ruby, PHP and Rust that
// mean the same.
func (s *settings) query(query map[string]string, drop func(key string) error) error {
	_, s.prisma = query["sslaccept"]
	for _, key := range slices.Sorted(maps.Keys(query)) {
		known, err := s.set(target.DriverKey(key), query[key])
		if err == nil && !known {
			err = drop(key)
			if err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("query key%s: %w", redact.Quoted(key), err)
		}
	}
	return nil
}

// set applies one key, by [target.DriverKey]. Its error does not quote the value.
func (s *settings) set(key, value string) (known bool, err error) {
	switch key {
	case "sslmode", "tls": // MySQL's programs, Connector/J, Rails; Go
		mode := target.SSLMode(value)
		if key == "tls" && mode == "require" && target.DriverKey(value) != "skipverify" {
			mode = "verify-full" // of Go's driver, true verifies
		}
		return true, s.atLeast(mode)
	case "ssl": // mysql2 and others of Node
		return true, s.node(value)
	case "sslaccept": // Prisma
		return true, s.atLeast(map[string]string{"strict": "verify-full", "accept_invalid_certs": "require"}[value])
	case "host", "socket", "unixsocket", "socketpath":
		s.socket = value
		return true, nil
	}
	if mode := switches()[key]; mode != "" {
		return true, s.switched(mode, value)
	}
	if file := s.file(key); file != nil {
		*file = value
		return true, nil
	}
	return false, nil
}

// switches are keys that, if true, ask for a mode.
func switches() map[string]string {
	return map[string]string{
		"usessl": "require", "requiressl": "require", "trustservercertificate": "require", // Connector/J, MariaDB
		"verifyservercertificate": "verify-ca", "sslverifycert": "verify-ca", "sslverifyservercert": "verify-ca", // Connector/J, Python, MariaDB
		"sslverifyidentity": "verify-full", "sslcheckhostname": "verify-full", "sslverify": "verify-full", // Python, Rails
		"ssldisabled": "disable", // Python
	}
}

func (s *settings) switched(mode, value string) error {
	on, err := target.Boolean(value)
	if err != nil || !on {
		return err
	}
	return s.atLeast(mode)
}

// file returns where the path of a PEM file belongs that a key names; nil if it is none.
func (s *settings) file(key string) *string {
	switch key {
	case "sslca", "sslrootcert", "serversslcert":
		return &s.tls.CAFile
	case "sslcert":
		if s.prisma {
			return &s.tls.CAFile
		}
		return &s.tls.CertFile
	case "sslkey":
		return &s.tls.KeyFile
	}
	return nil
}

// node reads the ssl of Node's drivers: a boolean, or an object of JSON in which only rejectUnauthorized is known.
func (s *settings) node(value string) error {
	if !strings.HasPrefix(value, "{") {
		return s.atLeast(target.SSLMode(value))
	}
	object := map[string]bool{}
	if err := json.Unmarshal([]byte(value), &object); err != nil || len(object) > 1 {
		return errors.New(`only {"rejectUnauthorized": true} or false is supported; write the files in the fragment, such as #ca-file=`)
	}
	if verify, found := object["rejectUnauthorized"]; found && !verify {
		return s.atLeast("require")
	}
	return s.atLeast("verify-full")
}

// atLeast takes a mode unless a stricter one was asked for.
func (s *settings) atLeast(mode string) error {
	if mode == "" {
		return errors.New("want disabled, preferred, required, verify_ca or verify_identity")
	}
	s.mode = target.StricterSSLMode(s.mode, mode)
	return nil
}

// loader returns the TLS that the settings ask for. By default the server's name is verified where the fragment or the
// query has something to verify it by; otherwise TLS is used if it is offered.
func (s *settings) loader() (l *tlsconfig.Loader, optional bool, err error) {
	l = &tlsconfig.Loader{TLS: s.tls}
	mode := "prefer"
	if s.tls != (tlsconfig.TLS{}) {
		mode = "verify-full"
	}
	switch cmp.Or(s.mode, mode) {
	case "disable":
		return nil, false, nil
	case "allow", "prefer":
		l.SkipVerify, optional = true, true
	case "require":
		l.SkipVerify = true
	case "verify-ca":
		l.AnyName = true
	}
	return l, optional, s.tls.Check()
}
