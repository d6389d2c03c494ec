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

// An EnvRule says what a variable has to be. It has to be set and not empty, and
// no placeholder.
type EnvRule struct {
	Name     string
	Optional bool // it may be unset or empty
	File     bool // NAME_FILE may name a file that has the value

	Type      EnvType  // zero is any text
	Min, Max  *float64 // of a number; nil is no bound
	OneOf     []string // the only values; nil is any
	MinLength int      // in characters; zero is no bound

	URL     []string // schemes of which it has to be a URL, or AnyScheme; nil is no URL
	DSN     DSN      // the kind of connection string that it has to be; zero is none
	HostNot []string // what its host may not be; Localhost is for all that is this machine
	Exists  PathType // what has to be at the path that it has; zero is nothing
}

// AnyScheme stands in EnvRule.URL for all schemes.
const AnyScheme = "any"

// Localhost stands in EnvRule.HostNot for every name and address of this machine.
const Localhost = "localhost"

// An EnvType is the type of a variable.
type EnvType int

// The types of variables.
const (
	AnyText      EnvType = iota
	IntType              // -1, 42
	NumberType           // 1.5, 1e-3
	BoolType             // true, false, 1, 0
	DurationType         // 1m30s
)

// A PathType is what a path leads to.
type PathType int

// The types of paths.
const (
	NoPath PathType = iota
	AnyPath
	FilePath
	FolderPath
)

// env looks at a variable.
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

// envFile looks at the file that has the value of a variable. Its path is a value
// too, and is not shown: somebody may have set NAME_FILE to the secret itself.
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

// A variable collects what is wrong with one.
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

// checkEdges looks for what a shell takes away and a manifest or an env file does
// not.
func (v *variable) checkEdges(value string) {
	if strings.TrimSpace(value) != value {
		v.add(ruleSpace, "the value begins or ends with white space or a newline", "remove it; a Secret created with echo ends with a newline")
	}
	if quoted(strings.TrimSpace(value)) {
		v.add(ruleQuotes, "the value is in quotes, which are part of it", "remove them: only a shell strips quotes")
	}
}

// check looks at a value.
func (v *variable) check(value string) {
	value = strings.TrimSpace(value)
	if isPlaceholder(unquoted(value)) {
		v.add(rulePlaceholder, "the value is a placeholder", "replace it with the real value")
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
	case v.rule.Exists == FolderPath && !info.IsDir():
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

// isLocal reports whether a name or address is that of this machine.
func isLocal(host string) bool {
	if host == Localhost || strings.HasSuffix(host, "."+Localhost) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified())
}

// hostOf returns the host of host:port, or of a lone host.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
