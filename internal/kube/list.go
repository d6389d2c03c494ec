package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// List calls each with every object of a selection, and returns the version from which to [Client.Watch] it. It keeps one
// object at a time in memory. It returns the error of each.
func (k *Client) List(ctx context.Context, s Selection, each func(object json.RawMessage) error) (version string, err error) {
	body, err := k.send(ctx, call{http.MethodGet, "list", s.Resource, s.path(s.Namespace) + query(s.query())}, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	l := &list{meter: &meter{r: body, left: maxObject}, each: each}
	l.d = json.NewDecoder(l.meter)
	if err := l.read(); err != nil {
		if l.failed != nil {
			return "", l.failed
		}
		return "", explain(ctx, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxObject)) // so that the connection is used again
	return l.version, nil
}

// A list reads an answer of the API one object at a time.
type list struct {
	meter   *meter
	d       *json.Decoder
	each    func(json.RawMessage) error
	version string
	failed  error // of each
}

var errNoList = errors.New("no list")

func (l *list) read() error {
	if err := l.delimiter('{'); err != nil {
		return err
	}
	for l.d.More() {
		key, err := l.d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "metadata":
			var metadata struct{ ResourceVersion string }
			err = l.d.Decode(&metadata)
			l.version = metadata.ResourceVersion
		case "items":
			err = l.items()
		default:
			err = l.d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	return l.delimiter('}')
}

func (l *list) items() error {
	if err := l.delimiter('['); err != nil {
		return err
	}
	for l.d.More() {
		var object json.RawMessage
		if err := l.d.Decode(&object); err != nil {
			return err
		}
		if l.failed = l.each(object); l.failed != nil {
			return l.failed
		}
		l.meter.left = maxObject
	}
	return l.delimiter(']')
}

func (l *list) delimiter(want json.Delim) error {
	token, err := l.d.Token()
	if err == nil && token != want {
		return errNoList
	}
	return err
}
