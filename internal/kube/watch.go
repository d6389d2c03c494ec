package kube

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/inith/inith/internal/usererr"
)

const (
	// watchTime is how long the API server is asked to keep a watch open. It is short, because nothing else shows that a
	// server, or what is between, has gone silent.
	watchTime = 30 * time.Second
	// watchGrace is how much later the client ends it.
	watchGrace = 5 * time.Second
	// watchLeast is how long a watch has to last to be opened again at once.
	watchLeast = time.Second
)

// A Change is what has happened to an object of a selection.
type Change struct {
	Deleted bool
	Object  json.RawMessage // as it is now, or as it was last
}

// ErrWatchEnded means that the API server ends watches at once.
var ErrWatchEnded error = &usererr.Error{Text: "the API server ends the watch at once", Hint: "check what is between this Pod and the API server"}

// Watch calls each with the changes of a selection since a version, which [Client.List] has returned, until each returns
// true, ctx is done, or the watch fails. A watch that ends, or is cut off, is opened again where it ended. It returns the
// version from which to go on. After [IsStatus] 410, the version is too old: list again.
func (k *Client) Watch(ctx context.Context, s Selection, version string, each func(Change) (done bool)) (reached string, err error) {
	w := &watch{client: k, selection: s, version: version, each: each}
	for {
		begun := time.Now()
		done, err := w.once(ctx)
		switch {
		case done:
			return w.version, nil
		case ctx.Err() != nil:
			return w.version, context.Cause(ctx)
		case err != nil:
			return w.version, err
		case time.Since(begun) < watchLeast:
			return w.version, ErrWatchEnded
		}
	}
}

// A watch follows a selection.
type watch struct {
	client    *Client
	selection Selection
	version   string // of the last change or bookmark
	each      func(Change) (done bool)
}

// once watches until the server ends it.
func (w *watch) once(ctx context.Context) (done bool, err error) {
	seconds := int(watchTime/time.Second) + rand.IntN(int(watchTime/time.Second)/3) // replicas do not come back all at once
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+watchGrace)
	defer cancel()
	q := w.selection.query()
	q.Set("watch", "1")
	q.Set("allowWatchBookmarks", "true")
	q.Set("resourceVersion", w.version)
	q.Set("timeoutSeconds", strconv.Itoa(seconds))
	body, err := w.client.send(ctx, call{http.MethodGet, "watch", w.selection.Resource, w.selection.path(w.selection.Namespace) + query(q)}, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	m := &meter{r: body, left: maxObject}
	d := json.NewDecoder(m)
	for {
		var e event
		if err := d.Decode(&e); err != nil {
			if _, malformed := errors.AsType[*json.SyntaxError](err); malformed || errors.Is(err, errTooLarge) {
				return false, explain(ctx, err)
			}
			return false, nil // it has ended, was cut off, or is silent
		}
		m.left = maxObject
		if done, err := w.heed(ctx, e); done || err != nil {
			return done, err
		}
	}
}

// An event is a line of a watch:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
type event struct {
	Type   string
	Object json.RawMessage
}

func (w *watch) heed(ctx context.Context, e event) (done bool, err error) {
	var object struct {
		Code     int // of a Status
		Metadata struct{ ResourceVersion string }
	}
	if err := json.Unmarshal(e.Object, &object); err != nil {
		return false, explain(ctx, err)
	}
	switch e.Type {
	case "ERROR":
		return false, w.client.refusal(object.Code, "watch", w.selection.Resource)
	case "BOOKMARK":
		w.version = object.Metadata.ResourceVersion
		return false, nil
	}
	w.version = object.Metadata.ResourceVersion
	return w.each(Change{Deleted: e.Type == "DELETED", Object: e.Object}), nil
}

func query(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
