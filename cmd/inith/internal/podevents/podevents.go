// Package podevents posts what inith logs while it works as Events of its own Pod, so that kubectl describe shows it
// before the container has ended. It is best effort: it never makes the work fail, and delays its end by a moment only.
package podevents

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

const (
	queued      = 32               // Events that wait to be posted; more are dropped
	most        = 50               // different Events of a process
	maxMessage  = 1000             // bytes; the API server accepts 1024
	postTime    = 5 * time.Second  // of a request
	closeTime   = time.Second      // for those that still wait when the work has ended
	repeatAfter = 30 * time.Second // until the same Event counts again
	maxFailures = 3                // consecutive requests, after which nothing more is posted
)

// A Pod is what the downward API says of a Pod.
type Pod struct{ Name, Namespace, UID string }

// A note is an Event to post.
type note struct{ kind, reason, message string }

// A Poster posts Events.
type Poster struct {
	pod    Pod
	client *kube.Client
	log    *slog.Logger // of what goes wrong

	notes  chan note
	cancel context.CancelFunc
	done   sync.WaitGroup

	names    string // that all names begin with
	posted   map[note]*posted
	failures int // consecutive
}

// A posted is an Event that the API server has.
type posted struct {
	name  string
	count int
	last  time.Time
}

// New starts to post for a Pod, whose Name and UID are given, until [Poster.Close]: the end of ctx is posted, too.
func New(ctx context.Context, pod Pod, client *kube.Client, log *slog.Logger) *Poster {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Poster{
		pod: pod, client: client, log: log, cancel: cancel, notes: make(chan note, queued), posted: map[note]*posted{},
		names: pod.Name + "." + strconv.FormatInt(time.Now().UnixNano(), 16),
	}
	p.done.Go(func() {
		for n := range p.notes {
			if ctx.Err() == nil && p.failures < maxFailures {
				p.post(ctx, n)
			}
		}
	})
	return p
}

// Close posts what still waits, for a moment, and ends. Nothing may be added afterwards.
func (p *Poster) Close() {
	close(p.notes)
	timer := time.AfterFunc(closeTime, p.cancel)
	p.done.Wait()
	timer.Stop()
	p.cancel()
	p.client.Close()
}

// add posts an Event some time later, unless too many wait.
func (p *Poster) add(kind, reason, message string) {
	message = redact.Line(message)
	for len(message) > maxMessage {
		_, size := utf8.DecodeLastRuneInString(message)
		message = message[:len(message)-size]
	}
	select {
	case p.notes <- note{kind, reason, message}:
	default:
	}
}

// post creates an Event, or raises the count of the same one.
func (p *Poster) post(ctx context.Context, n note) {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	known, now := p.posted[n], time.Now()
	switch {
	case known != nil && now.Sub(known.last) < repeatAfter, known == nil && len(p.posted) >= most:
		return
	case known == nil:
		known = &posted{name: p.names + "." + strconv.Itoa(len(p.posted))}
		p.posted[n] = known
	}
	known.count++
	known.last = now
	err := p.send(ctx, n, known)
	if err == nil {
		p.failures = 0
		return
	}
	p.failures++
	if e, ok := errors.AsType[*kube.StatusError](err); ok && e.Permanent() || errors.Is(err, kube.ErrNotInCluster) {
		p.failures = maxFailures
	}
	if p.failures == maxFailures {
		p.log.WarnContext(ctx, "events are not posted", "err", err, "hint", usererr.Hint(err))
	}
}

func (p *Poster) send(ctx context.Context, n note, e *posted) error {
	if p.pod.Namespace == "" {
		namespace, err := p.client.Namespace()
		if err != nil {
			return err
		}
		p.pod.Namespace = namespace
	}
	object := kube.Object{Resource: kube.Resource{Version: "v1", Plural: "events"}, Namespace: p.pod.Namespace, Name: e.name}
	at := e.last.UTC().Format(time.RFC3339)
	var out struct{}
	if e.count > 1 {
		return p.client.Patch(ctx, object, map[string]any{"count": e.count, "lastTimestamp": at}, &out)
	}
	return p.client.Create(ctx, object, event{
		APIVersion: "v1", Kind: "Event", Metadata: metadata{e.name, p.pod.Namespace},
		InvolvedObject: reference{APIVersion: "v1", Kind: "Pod", Name: p.pod.Name, Namespace: p.pod.Namespace, UID: p.pod.UID},
		Type:           n.kind, Reason: n.reason, Message: cmp.Or(n.message, n.reason),
		Source: source{"inith"}, FirstTimestamp: at, LastTimestamp: at, Count: 1,
		ReportingComponent: "inith", ReportingInstance: p.pod.Name,
	}, &out)
}

// An event is an Event of the core group, which kubectl describe shows:
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
type event struct {
	APIVersion         string    `json:"apiVersion"`
	Kind               string    `json:"kind"`
	Metadata           metadata  `json:"metadata"`
	InvolvedObject     reference `json:"involvedObject"`
	Type               string    `json:"type"`
	Reason             string    `json:"reason"`
	Message            string    `json:"message"`
	Source             source    `json:"source"`
	FirstTimestamp     string    `json:"firstTimestamp"`
	LastTimestamp      string    `json:"lastTimestamp"`
	Count              int       `json:"count"`
	ReportingComponent string    `json:"reportingComponent"`
	ReportingInstance  string    `json:"reportingInstance"`
}

type metadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
	UID        string `json:"uid"`
}

type source struct {
	Component string `json:"component"`
}
