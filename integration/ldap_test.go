package integration_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// ldapUser is the DN of the user that slapd has.
const ldapUser = "cn=app,dc=example,dc=org"

// slapdConfig has one database. Its entries are added before the server starts.
const slapdConfig = `
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /tmp/slapd.pid
%s
database mdb
suffix "dc=example,dc=org"
rootdn "` + ldapUser + `"
rootpw %q
directory /tmp/ldap
`

const slapdEntries = `dn: dc=example,dc=org
objectClass: organization
objectClass: dcObject
dc: example
o: example
`

// startSlapd starts OpenLDAP.
func startSlapd(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return runSlapd(t, "ldap://"+addr, "", opts...)
}

// startSlapdTLS starts OpenLDAP for an URL: ldaps is TLS from the first byte, ldap with StartTLS.
func startSlapdTLS(t *testing.T, url string) *server {
	t.Helper()
	return runSlapd(t, url, "TLSCertificateFile /tls.crt\nTLSCertificateKeyFile /tls.key", withCertificate(t))
}

func runSlapd(t *testing.T, url, more string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	const command = `mkdir -p /tmp/ldap && { test -e /tmp/ldap/data.mdb || slapadd -f /slapd.conf -l /entries.ldif; } &&
exec slapd -d none -f /slapd.conf -h `
	return startServer(t, "slapd", append([]testcontainers.ContainerCustomizer{
		file("/slapd.conf", fmt.Sprintf(slapdConfig, more, password)), file("/entries.ldif", slapdEntries),
		testcontainers.WithCmd("sh", "-c", command+url+"/"),
	}, opts...)...)
}

func useLDAP(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return bindLDAP(c)
}

func useLDAPS(ctx context.Context, addr string) error {
	d := tls.Dialer{Config: trusting()}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return bindLDAP(c)
}

// bindLDAP logs in as the user.
func bindLDAP(c net.Conn) error {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	field := func(tag byte, s string) string { return string([]byte{tag, byte(len(s))}) + s }
	bind := field(0x60, "\x02\x01\x03"+field(0x04, ldapUser)+field(0x80, password))
	if _, err := c.Write([]byte(field(0x30, "\x02\x01\x01"+bind))); err != nil {
		return err
	}
	answer := make([]byte, 256)
	n, err := c.Read(answer)
	if err == nil && !bytes.Contains(answer[:n], []byte("\x61\x07\x0a\x01\x00")) {
		err = fmt.Errorf("slapd answered %x", answer[:n])
	}
	return err
}

// TestLDAPState asks for entries, by StartTLS too.
func TestLDAPState(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startSlapdTLS(t, "ldap://"+addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useLDAP(ctx, addr) })
	user := ldapUser + ":" + escape(password) + "@"
	for raw, ready := range map[string]bool{
		"ldap://" + addr: true,
		"ldap://" + addr + "#base=dc=example,dc=org":                                                 true,
		"ldap://" + addr + "#base=ou=missing,dc=example,dc=org":                                      false,
		"ldap://" + user + addr + "/dc=example,dc=org#level=state":                                   true,
		"ldap+starttls://" + user + addr + "#ca-file=" + caFile(t):                                   true,
		"ldap+starttls://" + user + addr + "#base=dc=example,dc=org&ca-file=" + caFile(t):            true,
		"ldap+starttls://" + user + addr:                                                             false, // of an unknown authority
		"ldap+starttls://" + user + addr + "#base=ou=missing,dc=example,dc=org&ca-file=" + caFile(t): false,
	} {
		if err := attempt(t, open(t, raw), 10*time.Second); (err == nil) != ready {
			t.Errorf("%s: %v, want ready %t", raw, err, ready)
		}
	}
}

// TestLDAPStartTLSMissing asks a server without a certificate for TLS.
func TestLDAPStartTLSMissing(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startSlapd(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useLDAP(ctx, addr) })
	err := attempt(t, open(t, "ldap+starttls://"+ldapUser+":"+escape(password)+"@"+addr), 10*time.Second)
	wantNotYet(t, err)
	err = attempt(t, open(t, "ldap://cn=nobody,dc=example,dc=org:"+escape(password)+"@"+addr), 10*time.Second)
	if _, rejected := errors.AsType[*probe.RejectedError](err); !rejected {
		t.Errorf("an unknown user: %v, want a RejectedError", err)
	}
}
