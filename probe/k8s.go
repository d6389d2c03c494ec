package probe

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/target"
)

// kubeOptions are those of an object of Kubernetes.
type kubeOptions struct {
	ready     int // 0: one endpoint, all selected Pods
	key       string
	condition string // NAME or NAME=STATUS
	jsonpath  *jsonCondition
	gone      string // fail, ready; "": fail
	scope     string // namespace, cluster; "": namespace
	tokenFile string
}

func (o *kubeOptions) keys() []target.Key {
	return []target.Key{
		{
			Name: "ready", State: true, Set: target.Count(&o.ready),
			Usage: "ready when at least this many endpoints of the Service, or of the selected Pods, are ready (default 1 endpoint, all Pods)",
		},
		{Name: "key", State: true, Usage: "ready when this key exists", Set: target.String(&o.key)},
		{
			Name: "condition", State: true, Set: target.String(&o.condition),
			Usage: "ready when this condition of the object is True, or as in `Ready=False`",
		},
		{
			Name: "jsonpath", State: true, Usage: "comparison with a value of the object, such as `.status.phase==Bound` or `{.status.phase}=Bound`",
			Set: func(value string) (err error) {
				o.jsonpath, err = parseJSONCondition(fromKubectl(value))
				return err
			},
		},
		{
			Name: "gone", State: true, Set: target.OneOf(&o.gone, "fail", "ready"),
			Usage: "what it means if the Job is deleted before inith saw how it ended: fail (default) or ready",
		},
		{
			Name: "scope", Set: target.OneOf(&o.scope, "namespace", "cluster"),
			Usage: "cluster: the resource belongs to no namespace, such as a ClusterIssuer",
		},
		{
			Name: "token-file", Set: target.String(&o.tokenFile),
			Usage: "token of the service account, with ca.crt and namespace beside it (default: where Kubernetes mounts it)",
		},
	}
}

// fromKubectl returns a condition as [parseJSONCondition] reads it: kubectl wait has {.path}=value, or {.path} alone.
func fromKubectl(value string) string {
	path, rest, found := strings.Cut(strings.TrimPrefix(value, "{"), "}")
	switch {
	case !strings.HasPrefix(value, "{") || !found:
		return value
	case rest == "":
		return path + `!=""`
	case strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "=="):
		return path + "=" + rest
	}
	return path + rest
}

func (*kubeOptions) level(*spec) Level { return LevelState }

var (
	kubeName    = lazyregexp.New(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	kubeGroup   = lazyregexp.New(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	kubeVersion = lazyregexp.New(`^v[0-9][a-z0-9]{0,20}$`)
	kubePlural  = lazyregexp.New(`^[a-z][-a-z0-9]{0,61}$`)
	kubeLabels  = lazyregexp.New(`^[-A-Za-z0-9_./=!,() ]{1,1000}$`)
)

// errKubeURL is made when it is needed, as everything here: other kinds pay nothing for it.
func errKubeURL() error {
	return errors.New("want k8s://NAMESPACE/KIND/NAME or k8s://NAMESPACE/GROUP/VERSION/PLURAL/NAME, such as k8s:///job/migrate " +
		"for one in the Pod's namespace, or k8s:///pod?selector=app=x; a KIND is " + strings.Join(kubeKindNames(), ", "))
}

func (o *kubeOptions) open(s *spec) (Prober, error) {
	kind, name, err := o.read(s.url)
	if err != nil {
		return nil, err
	}
	selector, err := o.selector(s, kind, name)
	if err != nil {
		return nil, err
	}
	if err := o.check(kind, selector); err != nil {
		return nil, err
	}
	if o.scope == "cluster" {
		kind.cluster = true
	}
	if kind.cluster && s.url.Host != "" {
		return nil, fmt.Errorf("%s belongs to no namespace", kind.one())
	}
	p := &kubeObject{
		kind: kind, options: o, spec: s,
		selection: kube.Selection{Resource: kind.resource, Namespace: s.url.Host, Name: name, Labels: selector},
	}
	if kind.slices {
		p.selection.Name, p.selection.Labels = "", "kubernetes.io/service-name="+name
		p.service = name
	}
	p.api = kube.New(kube.Config{Env: s.env, TokenFile: o.tokenFile, Dial: p.dial})
	return p, nil
}

// read reads the path of the URL: KIND/NAME, GROUP/VERSION/PLURAL/NAME, or either without the name.
func (*kubeOptions) read(u *url.URL) (kind kubeKind, name string, err error) {
	segments := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Host != "" && (!kubeName().MatchString(u.Host) || strings.Contains(u.Host, ".")) || u.User != nil {
		return kind, "", errKubeURL()
	}
	generic := len(segments) >= 3
	if generic {
		kind, err = genericKind(segments)
		segments = segments[2:]
	} else {
		kind, err = kubeKindOf(segments[0])
	}
	switch {
	case err != nil:
		return kind, "", err
	case len(segments) == 1 || len(segments) == 2 && segments[1] == "":
		return kind, "", nil
	case len(segments) > 2 || !kubeName().MatchString(segments[1]):
		return kind, "", errKubeURL()
	}
	return kind, segments[1], nil
}

// genericKind is a resource by group, version and plural. The group of Pods and Services is core.
func genericKind(segments []string) (kubeKind, error) {
	r := kube.Resource{Group: segments[0], Version: segments[1], Plural: segments[2]}
	if !kubeGroup().MatchString(r.Group) || !kubeVersion().MatchString(r.Version) || !kubePlural().MatchString(r.Plural) {
		return kubeKind{}, errKubeURL()
	}
	if r.Group == "core" {
		r.Group = ""
	}
	return kubeKind{name: "object of " + r.Plural, resource: r, keys: []string{"scope"}, judge: judgeExisting}, nil
}

// selector returns the labels that the query selects Pods by; "" if the path has a name.
func (*kubeOptions) selector(s *spec, kind kubeKind, name string) (selector string, err error) {
	query, err := target.Query(s.url.RawQuery)
	if err != nil {
		return "", err
	}
	selects := func(value string) error {
		if selector = value; !kubeLabels().MatchString(value) {
			return errors.New("not a label selector such as app=x")
		}
		return nil
	}
	if err := target.SetQuery(query, map[string]func(string) error{"selector": selects}, s.drop); err != nil {
		return "", err
	}
	switch {
	case (name == "") != (selector != ""):
		return "", errKubeURL()
	case selector != "" && kind.name != "pod":
		return "", errors.New("only Pods can be selected by labels, as in k8s:///pod?selector=app=x")
	}
	return selector, nil
}

// check refuses keys that the kind of object does not have.
func (o *kubeOptions) check(kind kubeKind, selector string) error {
	keys := kind.keys
	if selector != "" {
		keys = append(slices.Clone(keys), "ready")
	}
	for _, key := range []struct {
		name  string
		given bool
	}{{"ready", o.ready > 0}, {"key", o.key != ""}, {"gone", o.gone != ""}, {"scope", o.scope != ""}} {
		if key.given && !slices.Contains(keys, key.name) {
			return fmt.Errorf("%s does not apply to %s", key.name, kind.one())
		}
	}
	if o.condition != "" && o.jsonpath != nil {
		return errors.New("condition and jsonpath exclude each other")
	}
	if (o.condition != "" || o.jsonpath != nil) && kind.slices {
		return errors.New("condition and jsonpath do not apply to the endpoints of a Service: write core/v1/services/NAME for itself")
	}
	return nil
}

// shortKube returns the URL that job/NAME, pod?selector=app=x and the like are short for.
func shortKube(raw string) (string, bool) {
	i := strings.IndexAny(raw, "/?#")
	if i < 0 || strings.Contains(raw, "://") || raw[i] == '#' {
		return "", false
	}
	if _, err := kubeKindOf(raw[:i]); err != nil {
		return "", false
	}
	return "k8s:///" + raw, true
}

// nearlyKube suggests job/NAME for jobb/NAME, "" if it is nothing like it.
func nearlyKube(raw string) string {
	kind, _, found := strings.Cut(raw, "/")
	near := suggest.Near(kind, kubeKindNames(), 1)
	if !found || near == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s/NAME?)", near)
}

// judgement returns what decides whether an object is ready.
func (o *kubeOptions) judgement(kind kubeKind) func(object []byte) error {
	switch {
	case o.condition != "":
		return o.judgeCondition
	case o.jsonpath != nil:
		return o.judgeJSONPath
	case o.key != "":
		return o.judgeKey
	}
	return kind.judge
}

func (o *kubeOptions) least() int { return cmp.Or(o.ready, 1) }
