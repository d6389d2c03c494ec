package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
)

// A connection is how servers are reached.
type connection struct {
	tls   tlsconfig.TLS
	proxy *url.URL // nil for none
}

func connectionOptions(env environment.Variables, proxyUsage string) []option.Option[*connection] {
	type c = connection
	fromEnv := func(name string) (*url.URL, error) {
		raw, err := env.Secret(name)
		if err != nil {
			return nil, err
		}
		return parseProxy(raw)
	}
	rows := []option.Option[*c]{
		{
			Flag: "proxy", Excludes: []string{"proxy-from-env"},
			Usage: proxyUsage,
			Set:   option.Parsed(parseProxy, func(c *c) **url.URL { return &c.proxy }),
		},
		{
			Flag:  "proxy-from-env",
			Usage: "take the URL of the proxy from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set:   option.Parsed(fromEnv, func(c *c) **url.URL { return &c.proxy }),
		},
	}
	return append(rows, option.Within(tlsOptions(), func(c *c) *tlsconfig.TLS { return &c.tls })...)
}

// tlsOptions are how servers are verified, and what certificate they are shown.
func tlsOptions() []option.Option[*tlsconfig.TLS] {
	type t = tlsconfig.TLS
	return []option.Option[*t]{
		{
			Flag:  "ca-file",
			Usage: "trust these certificate authorities (PEM `FILE`)",
			Set:   option.ToString(func(t *t) *string { return &t.CAFile }),
		},
		{
			Flag:  "cert-file",
			Usage: "present this certificate (PEM `FILE`)",
			Set:   option.ToString(func(t *t) *string { return &t.CertFile }),
		},
		{
			Flag:  "key-file",
			Usage: "the key of the certificate (PEM `FILE`)",
			Set:   option.ToString(func(t *t) *string { return &t.KeyFile }),
		},
		{
			Flag:  "tls-server-name",
			Usage: "expect this `NAME` in the certificate instead of the host",
			Set:   option.ToString(func(t *t) *string { return &t.ServerName }),
		},
		{
			Flag: "insecure-skip-tls-verify", Kind: option.Bool,
			Usage: "accept any certificate",
			Set:   option.ToBool(func(t *t) *bool { return &t.SkipVerify }),
		},
	}
}

func parseProxy(raw string) (*url.URL, error) {
	u, err := redact.ParseURL(raw)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("want a URL such as http://proxy:3128, https:// or socks5://")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errors.New("want a port from 1 to 65535")
		}
	}
	return u, nil
}

// checkProxies reports proxies of the environment that cannot be used: net/http ignores them, and would connect directly.
func (c *connection) checkProxies(env environment.Variables) error {
	if c.proxy != nil {
		return nil
	}
	for _, names := range [][]string{{"HTTPS_PROXY", "https_proxy"}, {"HTTP_PROXY", "http_proxy"}} {
		for _, name := range names {
			raw, ok := env.Lookup(name)
			if !ok {
				continue
			}
			if !strings.Contains(raw, "://") {
				raw = "http://" + raw
			}
			u, err := parseProxy(raw)
			if err == nil && strings.Trim(u.Path, "/") != "" {
				err = errors.New("want the URL of a proxy, without a path")
			}
			if err != nil {
				return fmt.Errorf("$%s: %w", name, err)
			}
			break // the other spelling does not count
		}
	}
	return nil
}

// check reports options that contradict each other.
func (*connection) check(given option.Given) error {
	if given.Has("cert-file") != given.Has("key-file") {
		return errors.New(given.Name("cert-file") + " and " + given.Name("key-file") + " go together")
	}
	return nil
}
