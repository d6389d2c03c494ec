package probe

import (
	"encoding/json"
	"fmt"

	"github.com/inith/inith/internal/usererr"
)

// weighSlice counts the endpoints of an EndpointSlice that are ready. Null means ready, too, and one that terminates does
// not count, even where the Service publishes addresses that are not ready.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
func weighSlice(object []byte) opinion {
	var slice struct {
		Endpoints []struct {
			Addresses  []string
			Conditions struct{ Ready, Terminating *bool }
		}
	}
	if err := json.Unmarshal(object, &slice); err != nil {
		return opinion{err: unreadable(err)}
	}
	n := 0
	for _, e := range slice.Endpoints {
		ready, terminating := e.Conditions.Ready, e.Conditions.Terminating
		if (ready == nil || *ready) && (terminating == nil || !*terminating) {
			n++
		}
	}
	return opinion{ready: n}
}

// judgeEndpoints: a Service is ready when so many of its endpoints are, over all of its EndpointSlices.
func judgeEndpoints(all map[string]opinion, least int) error {
	ready := 0
	for _, o := range all {
		if o.err != nil {
			return o.err
		}
		ready += o.ready
	}
	switch {
	case ready >= least:
		return nil
	case len(all) == 0:
		return &usererr.Error{
			Text: "the service has no EndpointSlice (yet)",
			Hint: "check its name and namespace, and that its selector has Pods; an ExternalName has no endpoints",
			Err:  errAbsent,
		}
	}
	return &usererr.Error{
		Text: fmt.Sprintf("%d of at least %d endpoints are ready", ready, least), Hint: "check the Pods of the service: kubectl get endpointslices",
	}
}
