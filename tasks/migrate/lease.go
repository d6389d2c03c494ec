package migrate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/inith/inith/internal/redact"
)

const (
	// leasePatience is how long a lease that cannot be renewed counts as ours: an
	// API server may be restarted meanwhile.
	leasePatience = 3 * beat
	// leaseReserve is what a lease lasts longer than the command has to end: the
	// patience, the two beats in which the holder sees that it is over, and one to
	// spare.
	leaseReserve = leasePatience + 3*beat
)

// A lease is a Lease object, coordination.k8s.io/v1:
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
type lease struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       leaseSpec      `json:"spec"`
}

type leaseSpec struct {
	HolderIdentity       string    `json:"holderIdentity"` // "": nobody
	LeaseDurationSeconds int       `json:"leaseDurationSeconds"`
	AcquireTime          microTime `json:"acquireTime"` // by the holder's clock, as the next
	RenewTime            microTime `json:"renewTime"`
	LeaseTransitions     int       `json:"leaseTransitions"`
}

// A leaseLocker locks by a Lease, as leader election does. No clock is compared with
// another: a lease has run out when it was not renewed for its time by the clock of
// who waits. A holder that cannot renew it has ended its command before.
type leaseLocker struct {
	api             *apiServer
	namespace, name string // the namespace is the Pod's if it is ""
	identity        string // of this process, with the host in it
	duration        time.Duration
	log             *slog.Logger

	seen   leaseSpec // of another holder
	seenAt time.Time
	unsure bool // a write that would have made it ours had no answer
}

func openLease(u *url.URL, o Options) (Locker, error) {
	keys, t, err := parseFragment(u.EscapedFragment(), "token-file")
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.User != nil {
		return nil, errors.New("a Lease has no user and no query")
	}
	if o.Name != "" {
		return nil, errors.New("a Lease has its name in the URL: no --lock-name")
	}
	name := strings.TrimPrefix(u.Path, "/")
	label := regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
	if !label.MatchString(name) || u.Host != "" && (!label.MatchString(u.Host) || strings.Contains(u.Host, ".")) {
		return nil, errors.New("want k8s://NAMESPACE/NAME of a Lease, or k8s:///NAME, in lower case")
	}
	return &leaseLocker{
		api:       newAPIServer(o.Env, keys["token-file"], t),
		namespace: u.Host, name: name, identity: cmp.Or(o.Host, "inith") + "_" + rand.Text(),
		duration: (o.Grace + leaseReserve + time.Second - 1).Truncate(time.Second), log: o.Logger,
	}, nil
}

// Close gives back what may have become ours unseen.
func (l *leaseLocker) Close(ctx context.Context) {
	l.api.client.CloseIdleConnections()
	if !l.unsure {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	lock := &leaseLock{leaseLocker: l}
	if lock.reread(ctx) == nil {
		_ = lock.Release(ctx)
	}
}

func (l *leaseLocker) Try(ctx context.Context) (Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	if l.namespace == "" {
		namespace, err := l.api.namespace()
		if err != nil {
			return nil, err
		}
		l.namespace = namespace
	}
	there, err := l.get(ctx)
	switch holder := there.Spec.HolderIdentity; {
	case errors.Is(err, errNotFound):
		return l.take(ctx, lease{})
	case err != nil:
		return nil, err
	case holder != "" && holder != l.identity && !l.ranOut(there.Spec):
		return nil, &HeldError{Holder: hostOf(holder), Since: there.Spec.AcquireTime.Time}
	case holder != "" && holder != l.identity:
		l.log.WarnContext(ctx, "the lease has run out: its holder was killed or cut off", "holder", hostOf(holder))
	}
	return l.take(ctx, there)
}

// ranOut reports whether a lease was not renewed for its whole time.
func (l *leaseLocker) ranOut(s leaseSpec) bool {
	if s != l.seen {
		l.seen, l.seenAt = s, time.Now()
		return false
	}
	return time.Since(l.seenAt) > time.Duration(s.LeaseDurationSeconds)*time.Second
}

// take makes a lease ours that nobody holds, or creates it if it is the zero value.
func (l *leaseLocker) take(ctx context.Context, free lease) (Lock, error) {
	now := microTime{time.Now()}
	spec := leaseSpec{
		HolderIdentity: l.identity, LeaseDurationSeconds: int(l.duration / time.Second),
		AcquireTime: now, RenewTime: now, LeaseTransitions: free.Spec.LeaseTransitions,
	}
	method := http.MethodPut
	if free.Metadata == nil {
		method, free.Metadata = http.MethodPost, map[string]any{"name": l.name, "namespace": l.namespace}
	} else if free.Spec.HolderIdentity != l.identity {
		spec.LeaseTransitions++
	}
	free.Spec = spec
	ours, err := l.write(ctx, method, free)
	switch {
	case errors.Is(err, errConflict): // or we were, and had no answer
		return nil, &HeldError{Holder: "somebody who was faster"}
	case method == http.MethodPost && errors.Is(err, errNotFound):
		return nil, &RefusedError{Err: fmt.Errorf("the namespace %s is not there", redact.Word(l.namespace))}
	case err != nil:
		l.unsure = true
		return nil, err
	}
	l.unsure = false
	return &leaseLock{leaseLocker: l, object: ours, renewed: now.Time}, nil
}

func (l *leaseLocker) get(ctx context.Context) (there lease, err error) {
	err = l.api.do(ctx, http.MethodGet, l.path()+"/"+l.name, nil, &there)
	return there, err
}

// write creates a lease, or replaces that of the same resourceVersion. It returns
// what is there then.
func (l *leaseLocker) write(ctx context.Context, method string, in lease) (out lease, err error) {
	in.APIVersion, in.Kind = "coordination.k8s.io/v1", "Lease"
	path := l.path()
	if method == http.MethodPut {
		path += "/" + l.name
	}
	err = l.api.do(ctx, method, path, in, &out)
	return out, err
}

func (l *leaseLocker) path() string {
	return "/apis/coordination.k8s.io/v1/namespaces/" + l.namespace + "/leases"
}

// hostOf is the part of an identity that people know.
func hostOf(identity string) string {
	host, _, _ := strings.Cut(identity, "_")
	return redact.Name(host)
}
