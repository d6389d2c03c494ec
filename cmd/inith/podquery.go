package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/inith/inith/internal/kube"
)

// queryTimeout bounds what the API server is asked.
const queryTimeout = 15 * time.Second

// A podQuery asks the API server for a Pod and its Events.
type podQuery struct {
	client          *kube.Client
	namespace, name string // namespace is "" for the client's own
	log             *slog.Logger
}

// list returns a List of the Pod and its Events. Without the right to list Events, it has the Pod alone.
func (q *podQuery) list(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	defer q.client.Close()
	if q.namespace == "" {
		var err error
		if q.namespace, err = q.client.Namespace(); err != nil {
			return nil, err
		}
	}
	core := func(plural string) kube.Resource { return kube.Resource{Version: "v1", Plural: plural} }
	var pod json.RawMessage
	if err := q.client.Get(ctx, kube.Object{Resource: core("pods"), Namespace: q.namespace, Name: q.name}, &pod); err != nil {
		return nil, err
	}
	items := []json.RawMessage{withKind(pod, "Pod")}
	_, err := q.client.List(ctx, kube.Selection{Resource: core("events"), Namespace: q.namespace, Fields: "involvedObject.name=" + q.name},
		func(event json.RawMessage) error {
			items = append(items, withKind(event, "Event"))
			return nil
		})
	if err != nil {
		q.log.WarnContext(ctx, "no events", "err", err)
	}
	return json.Marshal(map[string]any{"kind": "List", "items": items})
}

// withKind adds the kind of an object, which the items of a list lack.
func withKind(object json.RawMessage, kind string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return object
	}
	fields["kind"] = json.RawMessage(`"` + kind + `"`)
	b, err := json.Marshal(fields)
	if err != nil {
		return object
	}
	return b
}
