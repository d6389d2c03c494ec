package validate

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/redact"
)

// A DSN is a kind of connection string that is not a URL.
type DSN int

// The kinds of connection strings.
const (
	NoDSN    DSN = iota
	LibpqDSN     // host=db port=5432 dbname=app
	MySQLDSN     // user:password@tcp(db:3306)/app?tls=true, of Go's driver
)

const percentHint = "percent-encode special characters in a user name or password: %40 for @, %2F for /, %3A for :, %23 for #"

// checkURL returns the hosts of a URL.
func (v *variable) checkURL(value string) []string {
	u, err := redact.ParseURL(value)
	switch {
	case err != nil && strings.Contains(value, "@"):
		v.add(ruleURL, "the value is not a valid URL", percentHint)
		return nil
	case err != nil || u.Scheme == "" || u.Opaque != "":
		v.add(ruleURL, "the value is not a URL", "want scheme://host/path")
		return nil
	case !slices.Contains(v.rule.URL, AnyScheme) && !slices.Contains(v.rule.URL, strings.ToLower(u.Scheme)):
		v.add(ruleScheme, "the scheme of the URL must be one of "+strings.Join(v.rule.URL, ", "), "")
	}
	hosts := hostsOf(u)
	if len(hosts) == 0 {
		v.add(ruleURL, "the URL has no host", "want scheme://host/path")
	}
	for _, port := range portsOf(u) {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			v.add(ruleURL, "the port of the URL is not in 1..65535", "")
		}
	}
	return hosts
}

// hostsOf returns the hosts of a URL. A URL of libpq may have several, and a socket or more hosts in its query.
func hostsOf(u *url.URL) []string {
	var hosts []string
	for host := range strings.SplitSeq(u.Host, ",") {
		if host = hostOf(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	for host := range strings.SplitSeq(u.Query().Get("host"), ",") {
		if host != "" && strings.HasPrefix(u.Scheme, "postgres") {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func portsOf(u *url.URL) []string {
	var ports []string
	for host := range strings.SplitSeq(u.Host, ",") {
		if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
			ports = append(ports, host[i+1:])
		}
	}
	return ports
}

// checkDSN returns the hosts of a connection string.
func (v *variable) checkDSN(value string) []string {
	parse, hint := libpqHosts, `want host=db port=5432 dbname=app; a value with spaces in single quotes`
	if v.rule.DSN == MySQLDSN {
		parse, hint = mysqlHosts, "want user:password@tcp(host:3306)/database"
	}
	hosts, err := parse(value)
	if err != nil {
		v.add(ruleDSN, "the value is not a connection string: "+err.Error(), hint)
	}
	return hosts
}

// libpqHosts reads keywords and values, and returns the hosts.
func libpqHosts(s string) ([]string, error) {
	var hosts []string
	seen := 0
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		keyword, rest, ok := strings.Cut(s, "=")
		if keyword = strings.TrimSpace(keyword); !ok || strings.Trim(keyword, "abcdefghijklmnopqrstuvwxyz_") != "" || keyword == "" {
			return nil, errors.New("want keyword=value")
		}
		value, after, err := libpqValue(strings.TrimLeft(rest, " "))
		if err != nil {
			return nil, err
		}
		if keyword == "host" || keyword == "hostaddr" {
			hosts = append(hosts, strings.Split(value, ",")...)
		}
		s, seen = after, seen+1
	}
	if seen == 0 {
		return nil, errors.New("want keyword=value")
	}
	if len(hosts) == 0 {
		return nil, errors.New("it has no host")
	}
	return hosts, nil
}

// libpqValue splits off a value: in single quotes, or up to white space.
func libpqValue(s string) (value, after string, err error) {
	var b strings.Builder
	inQuotes := strings.HasPrefix(s, "'")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case i == 0 && inQuotes:
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case inQuotes && c == '\'':
			return b.String(), s[i+1:], nil
		case !inQuotes && (c == ' ' || c == '\t' || c == '\n'):
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if inQuotes {
		return "", "", errors.New("a single quote is not closed")
	}
	return b.String(), "", nil
}

// mysqlHosts reads [user[:password]@][net[(address)]]/database[?options].
func mysqlHosts(s string) ([]string, error) {
	if strings.Contains(s, "://") {
		return nil, errors.New("it is a URL")
	}
	slash := strings.LastIndex(s, "/")
	if slash < 0 {
		return nil, errors.New("it has no / before the database")
	}
	address := s[strings.LastIndex(s[:slash], "@")+1 : slash]
	network, inside, ok := strings.Cut(address, "(")
	if !ok {
		return nil, errors.New("it has no address")
	}
	inside, closed := strings.CutSuffix(inside, ")")
	switch {
	case !closed:
		return nil, errors.New("its address has no closing parenthesis")
	case network == "unix":
		return []string{inside}, nil
	case hostOf(inside) == "":
		return nil, errors.New("it has no host")
	}
	return []string{hostOf(inside)}, nil
}
