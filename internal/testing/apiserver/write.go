package apiserver

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"
)

func (s *Server) create(t *target, body io.Reader) (int, Object) {
	object, err := parse(t, body)
	metadata, _ := object["metadata"].(Object)
	name, _ := metadata["name"].(string)
	key := t.prefix() + name
	switch {
	case err != nil || name == "" || metadata["resourceVersion"] != nil:
		return http.StatusUnprocessableEntity, nil
	case t.Namespace == "nowhere":
		return http.StatusNotFound, nil
	case s.objects[key] != nil:
		return http.StatusConflict, nil
	}
	s.store(key, object)
	return http.StatusCreated, s.objects[key]
}

func (s *Server) update(t *target, body io.Reader) (int, Object) {
	object, err := parse(t, body)
	metadata, _ := object["metadata"].(Object)
	version, _ := metadata["resourceVersion"].(string)
	there, _ := s.objects[t.key()]["metadata"].(Object)
	switch {
	case err != nil || version == "":
		return http.StatusUnprocessableEntity, nil
	case there == nil:
		return http.StatusNotFound, nil
	case version != there["resourceVersion"]:
		return http.StatusConflict, nil
	}
	s.store(t.key(), object)
	return http.StatusOK, s.objects[t.key()]
}

// patch merges fields of the first level, which is what inith changes.
func (s *Server) patch(t *target, body io.Reader) (int, Object) {
	var fields Object
	if err := json.NewDecoder(body).Decode(&fields); err != nil {
		return http.StatusBadRequest, nil
	}
	there := s.objects[t.key()]
	if there == nil {
		return http.StatusNotFound, nil
	}
	object := maps.Clone(there)
	maps.Copy(object, fields)
	s.store(t.key(), object)
	return http.StatusOK, s.objects[t.key()]
}

// parse reads an object, and checks what a server does.
func parse(t *target, body io.Reader) (Object, error) {
	var object Object
	if err := json.NewDecoder(body).Decode(&object); err != nil {
		return nil, err
	}
	switch t.Resource {
	case "leases":
		return object, checkLease(object)
	case "events":
		return object, checkEvent(t, object)
	}
	return object, nil
}

func checkLease(object Object) error {
	spec, _ := object["spec"].(Object)
	if seconds, _ := spec["leaseDurationSeconds"].(float64); seconds <= 0 || seconds != float64(int32(seconds)) {
		return errors.New("leaseDurationSeconds: must be greater than 0")
	}
	for _, name := range []string{"acquireTime", "renewTime"} {
		text, _ := spec[name].(string)
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", text); err != nil {
			return err
		}
	}
	if object["apiVersion"] != "coordination.k8s.io/v1" || object["kind"] != "Lease" {
		return errors.New("no Lease")
	}
	return nil
}

// checkEvent checks what the legacy validation does: https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/apis/core/validation/events.go
func checkEvent(t *target, object Object) error {
	about, _ := object["involvedObject"].(Object)
	switch {
	case about["namespace"] != t.Namespace:
		return errors.New("involvedObject.namespace: does not match event.namespace")
	case object["apiVersion"] != "v1" || object["kind"] != "Event":
		return errors.New("no Event")
	}
	return nil
}
