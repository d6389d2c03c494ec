package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	nethttp "net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/usererr"
)

// maxKubeObjects bounds how many objects of a selection are known.
const maxKubeObjects = 10000

// How long a watch lasts until the objects are listed again. It is short where Pods may say why an object is not ready:
// that is no change of the object.
const (
	minKubeWatch     = time.Second
	maxKubeWatchPods = 30 * time.Second
	maxKubeWatch     = 5 * time.Minute
)

// A kubeObject is an object of Kubernetes, or a selection of them. Between attempts it watches them, so that the API
// server is asked little, and a change is noticed at once.
type kubeObject struct {
	kind      kubeKind
	options   *kubeOptions
	spec      *spec
	selection kube.Selection // without a namespace until the first attempt, if that is the Pod's
	service   string         // whose EndpointSlices the objects are; "" if they are others
	api       *kube.Client

	asking  atomic.Bool // an attempt is under way, which owns the connections
	start   time.Time
	objects map[string]opinion // as they were last, by name
	version string             // of the objects; "" if they cannot be watched from it
	seen    bool               // there was an object
	news    bool               // the watch has seen a change since the last attempt
	getOnly bool               // the account may get the object, and not list it
	trouble kubeTrouble        // of the Pods
	looked  time.Time          // when, for that
}

// An opinion is how one object counts.
type opinion struct {
	ready int    // of endpoints or Pods
	err   error  // why the object is not ready
	pods  string // the label selector of its Pods; "" if it has none
}

// dial opens a connection for the attempt that is under way, else for the watch.
func (p *kubeObject) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if p.asking.Load() {
		return p.spec.dialer.DialContext(ctx, network, address)
	}
	return (&dial.Dialer{Resolver: p.spec.dialer.resolver}).DialContext(ctx, network, address)
}

// Probe judges what the watch has seen, else what the API server lists.
func (p *kubeObject) Probe(ctx context.Context) error {
	if p.start.IsZero() {
		p.start = time.Now()
	}
	p.asking.Store(true)
	defer p.asking.Store(false)
	defer p.api.Close()
	if !p.news {
		if err := p.list(ctx); err != nil {
			return p.refusal(err)
		}
	}
	p.news = false
	err := p.judge()
	switch {
	case p.spec.down && err != nil && !errors.Is(err, errAbsent): // however it is, it exists
		return &usererr.Error{Text: err.Error()}
	case err == nil || isPermanent(err) || p.spec.down:
		return err
	}
	return p.withTrouble(ctx, err)
}

// list lists the objects.
func (p *kubeObject) list(ctx context.Context) (err error) {
	if err := p.locate(); err != nil {
		return err
	}
	p.version, p.objects = "", map[string]opinion{}
	if !p.getOnly {
		p.version, err = p.api.List(ctx, p.selection, p.keep)
		p.getOnly = kube.IsStatus(err, nethttp.StatusForbidden) && p.selection.Name != ""
	}
	if !p.getOnly {
		return err
	}
	var object json.RawMessage
	getErr := p.api.Get(ctx, kube.Object{Resource: p.selection.Resource, Namespace: p.selection.Namespace, Name: p.selection.Name}, &object)
	switch {
	case kube.IsStatus(getErr, nethttp.StatusNotFound):
		return nil
	case getErr != nil && err != nil: // neither is allowed
		p.getOnly = false
		return err
	case getErr != nil:
		return getErr
	}
	return p.keep(object)
}

// locate finds the namespace.
func (p *kubeObject) locate() error {
	if p.kind.cluster || p.selection.Namespace != "" {
		return nil
	}
	namespace, err := p.api.Namespace()
	if err == nil && !kubeName().MatchString(namespace) {
		err = &usererr.Error{Text: "the namespace of this Pod is not the name of one"}
	}
	if err == nil {
		p.selection.Namespace = namespace
	}
	return err
}

// keep notes an object.
func (p *kubeObject) keep(object json.RawMessage) error {
	var o kubeMeta
	if err := json.Unmarshal(object, &o); err != nil || o.Metadata.Name == "" {
		return &usererr.Error{Text: "the API server's answer has an object without a name"}
	}
	if p.kind.cluster && o.Metadata.Namespace != "" { // the list is that of all namespaces
		return Permanent(&usererr.Error{
			Text: "the object belongs to a namespace", Hint: "write k8s://NAMESPACE/GROUP/VERSION/PLURAL/NAME, without #scope=cluster",
		})
	}
	if len(p.objects) >= maxKubeObjects {
		return &usererr.Error{Text: fmt.Sprintf("there are more than %d objects", maxKubeObjects)}
	}
	p.objects[o.Metadata.Name] = p.weigh(object)
	p.seen = true
	return nil
}

func (p *kubeObject) weigh(object []byte) opinion {
	switch {
	case p.service != "":
		return weighSlice(object)
	case p.selection.Name == "":
		return weighPod(object, p.options.judgement(p.kind))
	}
	o := opinion{err: p.options.judgement(p.kind)(object)}
	if p.kind.pods {
		o.pods = podsOf(object)
	}
	return o
}

// judge returns nil if the objects are ready.
func (p *kubeObject) judge() error {
	switch {
	case p.service != "":
		return judgeEndpoints(p.objects, p.options.least())
	case p.selection.Name == "":
		return judgePods(p.objects, p.options.ready)
	case len(p.objects) == 0:
		return p.missing()
	}
	return p.objects[p.selection.Name].err
}

// missing says what it means that the object does not exist.
func (p *kubeObject) missing() error {
	switch {
	case p.kind.name != "job" || !p.seen || p.spec.down:
		return &usererr.Error{Text: fmt.Sprintf("the %s does not exist (yet)", p.kind.name), Hint: p.hint(), Err: errAbsent}
	case p.options.gone == "ready":
		return nil
	}
	return Permanent(&usererr.Error{
		Text: "the job was deleted before inith saw how it ended",
		Hint: "give it a longer ttlSecondsAfterFinished, or accept this with #gone=ready",
	})
}

func (p *kubeObject) hint() string {
	if p.kind.cluster {
		return "check its name"
	}
	return "check its name, and that it is in the namespace " + p.selection.Namespace
}

// Watch returns when the objects have changed so that the last attempt would have another result, or after a while. It
// implements [Watcher].
func (p *kubeObject) Watch(ctx context.Context) error {
	if p.version == "" || p.getOnly {
		return errors.New("there is nothing to watch from")
	}
	defer p.api.Close()
	watching, cancel := context.WithTimeout(ctx, p.period())
	defer cancel()
	before := verdict(p.judge())
	version, err := p.api.Watch(watching, p.selection, p.version, func(c kube.Change) bool {
		p.heed(c)
		p.news = verdict(p.judge()) != before
		return p.news
	})
	p.version = version
	if watching.Err() != nil {
		return nil
	}
	return err
}

// verdict returns what is the same for two judgements that nobody need tell apart.
func verdict(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// period returns how long to watch.
func (p *kubeObject) period() time.Duration {
	if !p.kind.pods || len(p.objects) == 0 {
		return maxKubeWatch
	}
	return min(max(time.Since(p.start)/2, minKubeWatch), maxKubeWatchPods)
}

// heed notes a change. One that cannot be read is left to the next list.
func (p *kubeObject) heed(c kube.Change) {
	if !c.Deleted {
		_ = p.keep(c.Object)
		return
	}
	var o kubeMeta
	if json.Unmarshal(c.Object, &o) != nil {
		return
	}
	p.keepLast(o.Metadata.Name, c.Object)
}

// keepLast removes an object. A Job that is deleted may have ended with the same change.
func (p *kubeObject) keepLast(name string, object []byte) {
	delete(p.objects, name)
	if p.kind.name != "job" {
		return
	}
	if last := p.weigh(object); last.err == nil || isPermanent(last.err) {
		p.objects[name] = last
	}
}

// kubeMeta is what every object has.
type kubeMeta struct {
	Metadata struct {
		Name, Namespace   string
		Generation        int64
		DeletionTimestamp *string
	}
}

// sortedOpinions returns opinions in the order of the names of their objects.
func sortedOpinions(objects map[string]opinion) []opinion {
	var all []opinion
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		all = append(all, objects[name])
	}
	return all
}
