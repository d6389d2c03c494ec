package main

import (
	"net/url"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
)

// connection returns the flags that say how servers are reached.
func (s flagSet) connection() []cli.Flag {
	return []cli.Flag{
		s.string("proxy-from-env", "take the URL of --proxy from the variable `NAME`, or from the file that NAME_FILE names"),
		s.string("ca-file", "trust these certificate authorities (PEM `FILE`)"),
		s.string("cert-file", "show this certificate (PEM `FILE`)"),
		s.string("key-file", "the key of --cert-file (PEM `FILE`)"),
		s.string("tls-server-name", "expect this `NAME` in the certificate instead of the host"),
		s.bool("insecure-skip-tls-verify", "accept any certificate"),
	}
}

func tlsFlags(c *cli.Context) (tlsconfig.TLS, error) {
	t := tlsconfig.TLS{
		CAFile: c.String("ca-file"), CertFile: c.String("cert-file"), KeyFile: c.String("key-file"),
		ServerName: c.String("tls-server-name"), SkipVerify: c.Bool("insecure-skip-tls-verify"),
	}
	if err := t.Check(); err != nil {
		return t, usagef("--cert-file and --key-file go together")
	}
	return t, nil
}

// proxy returns the URL of --proxy, or of the variable that --proxy-from-env
// names. A flag beats the variable of either.
func (p *process) proxy(c *cli.Context) (*url.URL, error) {
	raw, name := c.String("proxy"), c.String("proxy-from-env")
	proxyFlag, nameFlag := rawFlag(p.own, "proxy") != "", rawFlag(p.own, "proxy-from-env") != ""
	switch {
	case proxyFlag && nameFlag:
		return nil, usagef("--proxy and --proxy-from-env exclude each other")
	case name != "" && (raw == "" || nameFlag):
		var err error
		if raw, err = p.secretVar(name); err != nil {
			return nil, err
		}
	}
	if raw == "" {
		return nil, nil //nolint:nilnil // no proxy is not an error
	}
	u, err := redact.ParseURL(raw)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, usagef("--proxy: want a URL such as http://proxy:3128, https:// or socks5://")
	}
	return u, nil
}
