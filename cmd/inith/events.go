package main

import (
	"context"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/podevents"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/kube"
)

// eventsOption is the option of commands that can post Events.
func eventsOption[P any](field func(P) *bool) option.Option[P] {
	return option.Option[P]{
		Flag: "events", Key: option.NoKey, Kind: option.Bool,
		Usage: "post what happens as Events of the Pod, for kubectl describe; needs POD_NAME and POD_UID in the environment",
		Set:   option.ToBool(field),
	}
}

// postEvents has what is logged posted as Events, too, until close.
func (c *call) postEvents(ctx context.Context, o view.Output) (posting view.Output, end func()) {
	var pod podevents.Pod
	pod.Name, _ = c.env.Lookup("POD_NAME")
	pod.Namespace, _ = c.env.Lookup("POD_NAMESPACE")
	pod.UID, _ = c.env.Lookup("POD_UID")
	if pod.Name == "" || pod.UID == "" {
		o.Log.WarnContext(ctx, "events are not posted: POD_NAME and POD_UID must be set from metadata.name and metadata.uid by fieldRef")
		return o, func() {}
	}
	p := podevents.New(ctx, pod, kube.New(kube.Config{Env: c.env}), o.Log)
	o.Log, o.Lines = p.Logger(o.Log), p.Logger(o.Lines)
	return o, p.Close
}
