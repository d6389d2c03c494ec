package validate

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// An EnvRule describes an environment variable. It must be set and neither empty nor a placeholder.
type EnvRule struct {
	Name     string
	Optional bool // it may be unset or empty
	File     bool // NAME_FILE may name a file with the value

	Type      EnvType  // zero allows any string
	Min, Max  *float64 // of a number; nil is no limit
	OneOf     []string // the allowed values; nil allows any
	MinLength int      // in characters; zero is no limit

	URL     []string // it must be a URL with one of these schemes, or AnyScheme; nil: not a URL
	DSN     DSN      // it must be a connection string of this kind; zero: none
	HostNot []string // hosts that are not allowed; Localhost stands for this machine
	Exists  PathType // what must exist at the path in it; zero: nothing
}

// AnyScheme stands in EnvRule.URL for all schemes.
const AnyScheme = "any"

// Localhost stands in EnvRule.HostNot for every name and address of this machine.
const Localhost = "localhost"

// An EnvType is the type of an environment variable.
type EnvType int

// The types of variables.
const (
	AnyText      EnvType = iota
	IntType              // -1, 42
	NumberType           // 1.5, 1e-3
	BoolType             // true, false, 1, 0
	DurationType         // 1m30s
)

// A PathType is what a path must lead to.
type PathType int

// The types of paths.
const (
	NoPath PathType = iota
	AnyPath
	FilePath
	DirectoryPath
)

// env checks an environment variable.
func (s *session) env(ctx context.Context, r EnvRule) {
	v := &variable{rule: r, name: "$" + r.Name}
	value, set := s.lookup(r.Name)
	file, fromFile := "", false
	if r.File {
		file, fromFile = s.lookup(r.Name + "_FILE")
	}
	s.checked("", 1)
	switch {
	case set && fromFile && value != "" && file != "":
		v.add(ruleBoth, v.name+" and "+v.name+"_FILE are both set", "set one of them")
	case fromFile && file != "" && value == "":
		s.envFile(ctx, v, file)
	case value != "":
		v.checkEdges(value)
		v.check(value)
	case r.Optional:
	case set:
		v.add(ruleEmpty, "the environment variable is empty", "check that the key of the Secret or ConfigMap has a value")
	default:
		v.add(ruleUnset, "the environment variable is not set", v.unsetHint())
	}
	s.add(v.problems...)
}

// envFile checks the file with the value of an environment variable. Its path is a value too and is not shown:
// NAME_FILE may have been set to the secret itself.
func (s *session) envFile(ctx context.Context, v *variable, path string) {
	secret := &SecretRule{MinLength: v.rule.MinLength}
	apart := &session{fail: s.fail}
	data, ok := apart.open(ctx, FileRule{Path: path, Secret: secret})
	if ok {
		apart.add(secret.check(path, data)...)
	}
	for _, f := range apart.findings {
		f.File = v.name + "_FILE"
		s.add(f.Error)
	}
	s.checked("", apart.checks)
	v.rule.MinLength = 0 // which the secret was held to
	if value := strings.TrimSpace(string(data)); value != "" && !isPlaceholder(value) {
		v.check(value)
	}
}

// A variable collects the problems of an environment variable.
type variable struct {
	rule     EnvRule
	name     string // with $
	problems []*diag.Error
}

func (v *variable) add(rule, message, hint string) {
	v.problems = append(v.problems, inFile(v.name, rule, message, hint))
}

func (v *variable) unsetHint() string {
	if v.rule.File {
		return "set it, or " + v.name + "_FILE to the path of a file with the value"
	}
	return "inith checks its own environment: in a Pod, give its container the env and envFrom of the application's"
}

// checkEdges finds what a shell strips from a value, but a manifest or an env file does not.
func (v *variable) checkEdges(value string) {
	if strings.TrimSpace(value) != value {
		v.add(ruleSpace, "the value begins or ends with white space or a newline", "remove it; a Secret created with echo ends with a newline")
	}
	if quoted(strings.TrimSpace(value)) {
		v.add(ruleQuotes, "the value is in quotes, which are part of it", "remove them: only a shell strips quotes")
	}
}

// check checks a value.
func (v *variable) check(value string) {
	value = strings.TrimSpace(value)
	if isPlaceholder(unquoted(value)) {
		v.add(rulePlaceholder, "the value is a placeholder", "replace it with the real value")
		return
	}
	if found, ok := unresolved(value); ok {
		v.add(ruleUnresolved, "the value is not resolved: "+found.what, found.hint)
		return
	}
	r := v.rule
	if utf8.RuneCountInString(value) < r.MinLength {
		v.add(ruleLength, fmt.Sprintf("the value is shorter than %d characters", r.MinLength), "check that it is complete")
	}
	if len(r.OneOf) > 0 && !slices.Contains(r.OneOf, value) {
		v.add(ruleChoice, "the value is none of "+strings.Join(r.OneOf, ", "), "case and spaces matter")
	}
	v.checkType(value)
	if r.Exists != NoPath {
		v.checkPath(value)
	}
	var hosts []string
	switch {
	case r.URL != nil:
		hosts = v.checkURL(value)
	case r.DSN != NoDSN:
		hosts = v.checkDSN(value)
	case len(r.HostNot) > 0:
		hosts = []string{hostOf(value)}
	}
	v.checkHosts(hosts)
}

func (v *variable) checkType(value string) {
	number, isNumber := 0.0, false
	var err error
	switch v.rule.Type {
	case AnyText:
		return
	case IntType:
		_, err = strconv.ParseInt(value, 10, 64)
		number, isNumber = asNumber(value), true
	case NumberType:
		number, isNumber = asNumber(value), true
		if math.IsNaN(number) {
			err = strconv.ErrSyntax
		}
	case BoolType:
		if !slices.Contains([]string{"true", "false", "1", "0"}, strings.ToLower(value)) {
			err = strconv.ErrSyntax
		}
	case DurationType:
		_, err = time.ParseDuration(value)
	}
	if err != nil {
		v.add(ruleType, "the value is not "+v.rule.Type.noun(), "")
		return
	}
	if low := v.rule.Min; isNumber && low != nil && number < *low {
		v.add(ruleRange, fmt.Sprintf("the value is less than %v", *low), "")
	}
	if high := v.rule.Max; isNumber && high != nil && number > *high {
		v.add(ruleRange, fmt.Sprintf("the value is more than %v", *high), "")
	}
}

// asNumber returns NaN for what is not a number.
func asNumber(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

func (t EnvType) noun() string {
	switch t {
	case IntType:
		return "an integer"
	case NumberType:
		return "a number"
	case BoolType:
		return "true, false, 1 or 0"
	default:
		return "a duration such as 90s or 5m"
	}
}

func (v *variable) checkPath(path string) {
	info, err := os.Stat(path)
	const hint = "check that the volume is mounted in this container too"
	switch {
	case err != nil:
		v.add(rulePathGone, "the path does not exist", hint)
	case v.rule.Exists == FilePath && !info.Mode().IsRegular():
		v.add(rulePathGone, "the path is not a file", hint)
	case v.rule.Exists == DirectoryPath && !info.IsDir():
		v.add(rulePathGone, "the path is not a directory", hint)
	}
}

func (v *variable) checkHosts(hosts []string) {
	for _, host := range hosts {
		host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
		for _, not := range v.rule.HostNot {
			switch {
			case not == Localhost && isLocal(host):
				v.add(ruleHost, "the host is this machine itself", "in a Pod, localhost is the Pod itself: use the name of the Service")
			case strings.EqualFold(host, not):
				v.add(ruleHost, fmt.Sprintf("the host is %q", not), "")
			}
		}
	}
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	if host == Localhost || strings.HasSuffix(host, "."+Localhost) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified())
}

// hostOf returns the host of host:port, or of a host alone.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
