package migrate

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
)

// label is the name of an object of Kubernetes.
var label = lazyregexp.New(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

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
	HolderIdentity       string    `json:"holderIdentity"` // "": none
	LeaseDurationSeconds int       `json:"leaseDurationSeconds"`
	AcquireTime          microTime `json:"acquireTime"` // by the holder's clock, as the next
	RenewTime            microTime `json:"renewTime"`
	LeaseTransitions     int       `json:"leaseTransitions"`
}

// A leaseLocker locks by a Lease, as leader election does. No clock is compared with
// another: a lease has run out when it was not renewed for its time by the clock of
// who waits. A holder that cannot renew it has ended its command before.
type leaseLocker struct {
	api      *kube.Client
	ref      kube.Object // its namespace is the Pod's if it is ""
	identity string      // of this process, with the host in it
	duration time.Duration
	log      *slog.Logger

	seen   leaseSpec // of another holder
	seenAt time.Time
	unsure bool // a write that would have made it ours had no answer
}

func openLease(u *url.URL, o Options) (Locker, error) {
	api := kube.Config{Env: o.Env}
	keys := []target.Key{{Name: "token-file", Usage: "token of the service account, with ca.crt and namespace beside it", Set: target.String(&api.TokenFile)}}
	if err := readFragment(u, keys, &api.TLS); err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.User != nil {
		return nil, errors.New("a Lease has no user and no query")
	}
	if o.Name != "" {
		return nil, errors.New("--lock-name does not apply: the name of a Lease is in its URL")
	}
	name := strings.TrimPrefix(u.Path, "/")
	if !label().MatchString(name) || u.Host != "" && (!label().MatchString(u.Host) || strings.Contains(u.Host, ".")) {
		return nil, errors.New("want k8s://NAMESPACE/NAME of a Lease, or k8s:///NAME, in lower case")
	}
	return &leaseLocker{
		api:      kube.New(api),
		ref:      kube.Object{Resource: kube.Leases(), Namespace: u.Host, Name: name},
		identity: cmp.Or(o.Host, "inith") + "_" + rand.Text(),
		duration: (o.Grace + leaseReserve + time.Second - 1).Truncate(time.Second),
		log:      o.Logger,
	}, nil
}

// Close releases a lease that may have become ours without an answer.
func (l *leaseLocker) Close(ctx context.Context) {
	l.api.Close()
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
	if l.ref.Namespace == "" {
		namespace, err := l.api.Namespace()
		if err != nil {
			return nil, refusal(err)
		}
		l.ref.Namespace = namespace
	}
	there, err := l.get(ctx)
	switch holder := there.Spec.HolderIdentity; {
	case kube.IsStatus(err, http.StatusNotFound):
		return l.take(ctx, lease{})
	case err != nil:
		return nil, err
	case holder != "" && holder != l.identity && !l.ranOut(there.Spec):
		return nil, &HeldError{Holder: hostOf(holder), Since: there.Spec.AcquireTime.Time}
	case holder != "" && holder != l.identity:
		l.log.WarnContext(ctx, "the lease has expired: its holder was killed or cut off", "holder", hostOf(holder))
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

// take acquires a lease that has no holder. It creates the lease if that is the zero value.
func (l *leaseLocker) take(ctx context.Context, free lease) (Lock, error) {
	now := microTime{time.Now()}
	spec := leaseSpec{
		HolderIdentity: l.identity, LeaseDurationSeconds: int(l.duration / time.Second),
		AcquireTime: now, RenewTime: now, LeaseTransitions: free.Spec.LeaseTransitions,
	}
	write, create := l.replace, free.Metadata == nil
	if create {
		write, free.Metadata = l.create, map[string]any{"name": l.ref.Name, "namespace": l.ref.Namespace}
	} else if free.Spec.HolderIdentity != l.identity {
		spec.LeaseTransitions++
	}
	free.Spec = spec
	ours, err := write(ctx, free)
	switch {
	case kube.IsStatus(err, http.StatusConflict): // or we were, and had no answer
		return nil, &HeldError{Holder: "another replica that was faster"}
	case create && kube.IsStatus(err, http.StatusNotFound):
		return nil, &RefusedError{Err: fmt.Errorf("the namespace %s does not exist", redact.Word(l.ref.Namespace))}
	case err != nil:
		l.unsure = true
		return nil, err
	}
	l.unsure = false
	return &leaseLock{leaseLocker: l, object: ours, renewed: now.Time}, nil
}

func (l *leaseLocker) get(ctx context.Context) (there lease, err error) {
	err = l.api.Get(ctx, l.ref, &there)
	return there, refusal(err)
}

func (l *leaseLocker) create(ctx context.Context, in lease) (out lease, err error) {
	err = l.api.Create(ctx, l.ref, in.typed(), &out)
	return out, refusal(err)
}

// replace replaces the lease of the same resourceVersion. It returns the new object.
func (l *leaseLocker) replace(ctx context.Context, in lease) (out lease, err error) {
	err = l.api.Update(ctx, l.ref, in.typed(), &out)
	return out, refusal(err)
}

func (l lease) typed() lease {
	l.APIVersion, l.Kind = "coordination.k8s.io/v1", "Lease"
	return l
}

// refusal marks an error that no retry can clear.
func refusal(err error) error {
	e, ok := errors.AsType[*kube.StatusError](err)
	if ok && e.Permanent() || errors.Is(err, kube.ErrNotInCluster) {
		return &RefusedError{Err: err}
	}
	return err
}

// hostOf is the part of an identity that people know.
func hostOf(identity string) string {
	host, _, _ := strings.Cut(identity, "_")
	return redact.Name(host)
}

// microTime is the API's time with microseconds.
type microTime struct{ time.Time }

const microLayout = "2006-01-02T15:04:05.000000Z07:00"

// MarshalJSON implements [json.Marshaler].
func (t microTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format(microLayout))
}
