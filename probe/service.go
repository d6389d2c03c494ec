package probe

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	nethttp "net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// A service is a program whose readiness is asked over HTTP.
type service struct {
	name     string
	port     string
	ports    map[string]string // of schemes that have another
	https    bool              // NAME:// is over TLS, and NAME+http:// is not
	base     string            // the path where the URL has none
	bearer   bool              // a password without a user is a bearer token
	database bool              // the path of the URL is a database

	health question
	login  question // asked with credentials; without a path, the service shows no login
	key    *serviceKey
}

// A question is a request, and which answer means ready: status 200 to 299, and the body as it says.
type question struct {
	path   string // with its query; {} stands for the value of a key
	json   string // a [jsonCondition], "" for none
	body   string // what the body begins with
	unmet  string // what it means if json is not met
	status map[int]string
}

// A serviceKey asks for a state. Its questions are those of its values, or of any value.
type serviceKey struct {
	name, usage string
	asks        map[string]question
	tag         string // of a value without one
	flag        bool   // without a value, it means true
}

// serviceKinds returns the kinds of the table of services.
func serviceKinds() []Kind {
	var all []Kind
	for _, s := range services() {
		all = append(all, s.kind())
	}
	return all
}

func (v service) kind() Kind {
	k := Kind{
		Name: v.name, Aliases: []string{v.name + "+https"}, Levels: []Level{LevelTCP, LevelProto},
		port: v.port, ports: v.ports, tls: true,
		options: func() options { return &serviceOptions{service: v} },
	}
	if v.https {
		k.Aliases = append(k.Aliases, v.name+"+http")
	}
	if v.login.path != "" {
		k.Levels = append(k.Levels, LevelAuth)
	}
	if v.key != nil {
		k.Levels = append(k.Levels, LevelState)
	}
	return k
}

// serviceOptions are those of one target.
type serviceOptions struct {
	service

	headerFile   string
	passwordFile string
	value        string // of the key, "" if it was not given
}

func (o *serviceOptions) keys() []target.Key {
	keys := []target.Key{headerFileKey(&o.headerFile), target.PasswordFile(&o.passwordFile)}
	if o.key == nil {
		return keys
	}
	set := target.String(&o.value)
	if _, anything := o.key.asks[""]; !anything {
		set = target.OneOf(&o.value, slices.Sorted(maps.Keys(o.key.asks))...)
	}
	return append([]target.Key{{Name: o.key.name, Flag: o.key.flag, State: true, Usage: o.key.usage, Set: set}}, keys...)
}

func (o *serviceOptions) level(s *spec) Level {
	if o.login.path != "" && (s.url.User != nil || o.headerFile != "" || o.passwordFile != "") {
		return LevelAuth
	}
	return LevelProto
}

func (o *serviceOptions) open(s *spec) (Prober, error) {
	switch {
	case s.url.Hostname() == "":
		return nil, errors.New("missing host")
	case s.level == LevelTCP:
		return openPort(s)
	}
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	q := o.question(s.level)
	condition, err := q.condition(o.tagged())
	if err != nil {
		return nil, err
	}
	u, err := o.ask(s, q)
	if err != nil {
		return nil, err
	}
	h := &http{
		httpOptions: httpOptions{method: nethttp.MethodGet, headerFile: o.headerFile, passwordFile: o.passwordFile},
		spec:        s, url: u, tls: tlsconfig.Loader{TLS: s.tls}, password: s.password(o.passwordFile), bearer: o.bearer,
	}
	h.verdict = func(resp *nethttp.Response) error { return o.judge(h, q, condition, resp) }
	return h, h.checkCredentials()
}

// question returns what to ask at a level.
func (o *serviceOptions) question(l Level) question {
	switch {
	case o.value != "":
		return o.key.of(o.value)
	case l > LevelProto && o.login.path != "":
		return o.login
	default:
		return o.health
	}
}

func (k *serviceKey) of(value string) question {
	if q, ok := k.asks[value]; ok {
		return q
	}
	return k.asks[""]
}

// tagged returns the value of the key as the service has it.
func (o *serviceOptions) tagged() string {
	if o.key == nil || strings.Contains(o.value, ":") {
		return o.value
	}
	return o.value + o.key.tag
}

// condition returns the condition of a question for the value of a key.
func (q question) condition(value string) (*jsonCondition, error) {
	if q.json == "" {
		return nil, nil
	}
	c, err := parseJSONCondition(q.json)
	if err == nil && c.want == "{}" {
		c.want = value
	}
	return c, err
}

// ask returns the URL of a question, below the path of the target's URL.
func (o *serviceOptions) ask(s *spec, q question) (*url.URL, error) {
	scheme := "http"
	if strings.HasSuffix(s.url.Scheme, "+https") || o.https && s.url.Scheme == o.name {
		scheme = "https"
	}
	below := strings.TrimSuffix(s.url.EscapedPath(), "/")
	database := ""
	if o.database && below != "" {
		database, below = strings.TrimPrefix(s.url.Path, "/"), ""
	}
	path := strings.ReplaceAll(q.path, "{}", url.PathEscape(o.tagged()))
	u, err := redact.ParseURL(scheme + "://" + s.url.Host + joinPath(cmp.Or(below, o.base), path))
	if err == nil && database != "" && u.RawQuery != "" {
		u.RawQuery += "&database=" + url.QueryEscape(database)
	}
	return u, err
}

// joinPath appends a path to that of a URL, which may end as it begins: people write the /v1
// of an API, or leave it out.
func joinPath(below, path string) string {
	first, rest, found := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if found && strings.HasSuffix(below, "/"+first) {
		return below + "/" + rest
	}
	return below + path
}

// judge decides on an answer.
func (o *serviceOptions) judge(h *http, q question, condition *jsonCondition, resp *nethttp.Response) error {
	refused := resp.StatusCode == nethttp.StatusUnauthorized || resp.StatusCode == nethttp.StatusForbidden
	tries := h.hasCredentials() && (o.login.path == "" || h.spec.level > LevelProto) || h.spec.level == LevelAuth
	switch text := q.status[resp.StatusCode]; {
	case refused && tries:
		return Rejected(statusReason(resp, "credentials refused"))
	case refused && h.spec.level == LevelProto:
		return nil
	case text != "":
		return &usererr.Error{Text: fmt.Sprintf("answered status %d: %s", resp.StatusCode, text)}
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return statusReason(resp, "want 200-299")
	default:
		return q.judge(condition, resp)
	}
}

// judge looks at the body of an answer, if the question does.
func (q question) judge(condition *jsonCondition, resp *nethttp.Response) error {
	const maxAnswer = 4 << 20 // bytes; lists of models are long
	if condition == nil && q.body == "" {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case len(body) > maxAnswer:
		return &usererr.Error{Text: fmt.Sprintf("answered status %d, but the body is longer than 4 MiB", resp.StatusCode)}
	case !strings.HasPrefix(string(body), q.body):
		return &usererr.Error{Text: fmt.Sprintf("answered status %d, but not as this service does", resp.StatusCode), Hint: "check the port and the path"}
	case condition == nil:
		return nil
	}
	err = condition.judge(body)
	if errors.Is(err, errUnmet) && q.unmet != "" {
		return &usererr.Error{Text: q.unmet, Err: err}
	}
	return err
}
