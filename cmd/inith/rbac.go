package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/migrate"
)

const rbacDescription = `Prints the ServiceAccount, Role and RoleBinding, as YAML, with which a Pod may ask the
API server of Kubernetes for each TARGET of wait, such as job/NAME. The lock of
migrate, k8s:///NAME, is a TARGET too. Targets that ask no API server are ignored.

EXAMPLES:
   inith rbac job/migrate | kubectl apply -f -
   inith rbac --service-account app service/db 'pod?selector=app=cache'
   inith rbac --events k8s:///app-migrate`

// rbacOptions are the options of rbac.
type rbacOptions struct {
	targets                   []string
	serviceAccount, namespace string
	events                    bool
}

// kubeLabel is the name of a namespace or of a service account.
var kubeLabel = lazyregexp.New(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func rbacTable() option.Table[*rbacOptions] {
	type o = rbacOptions
	name := func(value string) (string, error) {
		if !kubeLabel().MatchString(value) {
			return "", errors.New("want a name in lower case, such as app")
		}
		return value, nil
	}
	return option.Table[*o]{Options: []option.Option[*o]{
		{
			Arg: "TARGET", Key: option.NoKey, Kind: option.StringOrStrings, Usage: "what wait or migrate asks the API server for",
			Set: option.ToStrings(func(o *o) *[]string { return &o.targets }),
		},
		{
			Flag: "events", Kind: option.Bool, Usage: "also allow what --events of the commands needs",
			Set: option.ToBool(func(o *o) *bool { return &o.events }),
		},
		{
			Flag: "service-account", Default: "inith", Usage: "the `NAME` of the ServiceAccount, and of the Role",
			Set: option.Parsed(name, func(o *o) *string { return &o.serviceAccount }),
		},
		{
			Flag: "namespace", Usage: "the namespace `NAME` of the Pod, if the manifest must name it",
			Set: option.Parsed(name, func(o *o) *string { return &o.namespace }),
		},
	}}
}

func rbacCommand(c *call) *definition {
	return define(c, spec[*rbacOptions]{
		usage: []string{"inith rbac [OPTION...] TARGET..."}, description: func() string { return rbacDescription },
		table: rbacTable(),
		open: func(_ context.Context, s session, o *rbacOptions, _ option.Given) (job, error) {
			m, err := openRBAC(s, o)
			if err != nil {
				return nil, err
			}
			return printJob(func() error { return m.write(c.stdout) }), nil
		},
	})
}

// A rbacManifest is what rbac prints.
type rbacManifest struct {
	account, namespace string // the namespace is "" if it is left to who applies it
	scopes             []rbacScope
}

// A rbacScope is a namespace in which a Role is needed, or the cluster.
type rbacScope struct {
	cluster   bool
	namespace string // "": the Pod's
	rules     []probe.Permission
}

func openRBAC(s session, o *rbacOptions) (*rbacManifest, error) {
	m := &rbacManifest{account: o.serviceAccount, namespace: o.namespace}
	opener := &targetOpener{options: probe.Options{Logger: s.Log}}
	for i, raw := range o.targets {
		if namespace, name, ok := migrate.LeaseOf(raw); ok {
			for _, p := range leasePermissions(namespace, name) {
				m.add(p)
			}
			continue
		}
		opener.open(fmt.Sprintf("target %d", i+1), raw)
	}
	if err := errors.Join(opener.errs...); err != nil {
		return nil, err
	}
	for _, t := range opener.targets {
		for _, p := range t.Permissions() {
			m.add(p)
		}
	}
	if o.events {
		m.add(probe.Permission{Resource: "events", Verbs: []string{"create", "patch"}})
	}
	if len(m.scopes) == 0 {
		return nil, errors.New("no TARGET that asks the API server, such as job/NAME, service/NAME or k8s:///LOCK, and no --events")
	}
	return m, m.check()
}

// leasePermissions are what a lock needs. A name cannot be asked of what does not exist yet, so create is apart.
func leasePermissions(namespace, name string) []probe.Permission {
	const group, resource = "coordination.k8s.io", "leases"
	return []probe.Permission{
		{Namespace: namespace, Group: group, Resource: resource, Verbs: []string{"create"}},
		{Namespace: namespace, Group: group, Resource: resource, Names: []string{name}, Verbs: []string{"get", "update"}},
	}
}

// add adds a rule to its scope, or the names to a rule that is the same but for them.
func (m *rbacManifest) add(p probe.Permission) {
	if p.Namespace == m.namespace {
		p.Namespace = ""
	}
	i := slices.IndexFunc(m.scopes, func(s rbacScope) bool { return s.cluster == p.Cluster && s.namespace == p.Namespace })
	if i < 0 {
		i = len(m.scopes)
		m.scopes = append(m.scopes, rbacScope{cluster: p.Cluster, namespace: p.Namespace})
	}
	rules := &m.scopes[i].rules
	for j, r := range *rules {
		if r.Group == p.Group && r.Resource == p.Resource && slices.Equal(r.Verbs, p.Verbs) && (r.Names == nil) == (p.Names == nil) {
			names := append(slices.Clone(r.Names), p.Names...)
			slices.Sort(names)
			(*rules)[j].Names, (*rules)[j].Optional = slices.Compact(names), r.Optional && p.Optional
			return
		}
	}
	*rules = append(*rules, p)
}

// check finds bindings that have to say in which namespace the service account is.
func (m *rbacManifest) check() error {
	for _, s := range m.scopes {
		if (s.cluster || s.namespace != "") && m.namespace == "" {
			return errors.New("a target belongs to another namespace or to the cluster: name that of the Pod by --namespace")
		}
	}
	return nil
}

func (m *rbacManifest) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: %s\n%s", m.account, namespaceLine(m.namespace))
	for _, s := range m.scopes {
		kind, name, namespace := "Role", m.account, s.namespace
		if s.cluster { // where other namespaces may have an account of this name
			kind, name = "ClusterRole", m.namespace+"-"+m.account
		} else if namespace == "" {
			namespace = m.namespace
		}
		head := fmt.Sprintf("metadata:\n  name: %s\n%s", name, namespaceLine(namespace))
		fmt.Fprintf(&b, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %s\n%srules:\n", kind, head)
		for _, r := range s.rules {
			writeRule(&b, r)
		}
		fmt.Fprintf(&b, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %sBinding\n%s", kind, head)
		fmt.Fprintf(&b, "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: %s\n  name: %s\n", kind, name)
		fmt.Fprintf(&b, "subjects:\n- kind: ServiceAccount\n  name: %s\n%s", m.account, namespaceLine(m.namespace))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func namespaceLine(namespace string) string {
	if namespace == "" {
		return ""
	}
	return "  namespace: " + namespace + "\n"
}

func writeRule(b *strings.Builder, r probe.Permission) {
	if r.Optional {
		b.WriteString("# Optional: shows why a Pod does not start\n")
	}
	fmt.Fprintf(b, "- apiGroups: [%q]\n  resources: [%q]\n", r.Group, r.Resource)
	if r.Names != nil {
		fmt.Fprintf(b, "  resourceNames: [%s]\n", quotedList(r.Names))
	}
	fmt.Fprintf(b, "  verbs: [%s]\n", quotedList(r.Verbs))
}

func quotedList(all []string) string {
	var quoted []string
	for _, s := range all {
		quoted = append(quoted, fmt.Sprintf("%q", s))
	}
	return strings.Join(quoted, ", ")
}
