// Package leaseserver is a fake of a Kubernetes API server, for tests: it keeps
// Leases as one does, with resourceVersions, and fails where a test asks for it,
// which a real one does not. Its answers are those of kube-apiserver 1.34.
package leaseserver

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Fault is a way in which a request goes wrong.
type Fault int

// The ways. A request that hangs is not answered before its context is done.
const (
	None     Fault = iota
	Conflict       // another client writes a label just before
	Lost           // it is carried out, and its answer lost
	LostLate       // it is carried out, and hangs
	Late           // it hangs, and is carried out when no client waits for its answer any more
	Dropped        // it is not carried out, nor answered
	Hangs          // it is not carried out, and hangs
	Busy           // 429
	Down           // 503
)

// A Server serves the Leases of every namespace but "nowhere", which is not there.
// The zero value is empty.
type Server struct {
	Token string                       // that a request must bear; "": any
	Fault func(r *http.Request) Fault  // how a request goes wrong; nil: none does
	Deny  func(verb, name string) bool // what the account may not do with which Lease; nil: nothing

	mu      sync.Mutex
	version int
	leases  map[string]map[string]any // by namespace/name
}

// Spec returns the spec of a Lease, nil if it is not there.
func (s *Server) Spec(key string) map[string]any { return s.part(key, "spec") }

// Metadata is as Spec.
func (s *Server) Metadata(key string) map[string]any { return s.part(key, "metadata") }

func (s *Server) part(key, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	part, _ := s.leases[key][name].(map[string]any)
	return maps.Clone(part)
}

// Put sets the spec of a Lease, as another client would.
func (s *Server) Put(key string, spec map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace, name, _ := strings.Cut(key, "/")
	s.store(key, map[string]any{"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec})
}

// Delete removes a Lease.
func (s *Server) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, key)
}

// store gives an object the next version.
func (s *Server) store(key string, object map[string]any) {
	if s.leases == nil {
		s.leases = map[string]map[string]any{}
	}
	s.version++
	metadata, _ := object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	object["metadata"] = metadata
	s.leases[key] = object
}

var paths = regexp.MustCompile(`^/apis/coordination\.k8s\.io/v1/namespaces/([^/]+)/leases(?:/([^/]+))?$`)

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := None
	if s.Fault != nil {
		fault = s.Fault(r)
	}
	switch fault {
	case Dropped:
		panic(http.ErrAbortHandler)
	case Late:
		<-r.Context().Done()
		s.serve(r, false)
		panic(http.ErrAbortHandler)
	case Hangs:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Busy:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests)
		return
	case Down:
		fail(w, http.StatusServiceUnavailable)
		return
	}
	status, object := s.serve(r, fault == Conflict)
	switch fault {
	case Lost:
		panic(http.ErrAbortHandler)
	case LostLate:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if object == nil {
		fail(w, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

// fail answers as the API does, with a text that must not be shown.
func fail(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "code": status, "message": "s3cret message"})
}

// serve carries a request out. Without an object it has failed.
func (s *Server) serve(r *http.Request, touch bool) (status int, object map[string]any) {
	path := paths.FindStringSubmatch(r.URL.Path)
	if path == nil {
		return http.StatusNotFound, nil
	}
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		return http.StatusUnauthorized, nil
	}
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update"}[r.Method]
	if verb == "" || (verb == "create") != (path[2] == "") {
		return http.StatusMethodNotAllowed, nil
	}
	if s.Deny != nil && s.Deny(verb, path[2]) {
		return http.StatusForbidden, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := path[1] + "/" + path[2]
	if touch && s.leases[key] != nil {
		s.touch(key)
	}
	switch verb {
	case "get":
		if s.leases[key] == nil {
			return http.StatusNotFound, nil
		}
		return http.StatusOK, s.leases[key]
	case "create":
		return s.create(path[1], r.Body)
	}
	return s.update(key, r.Body)
}

// touch writes a label.
func (s *Server) touch(key string) {
	object := maps.Clone(s.leases[key])
	metadata, _ := object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	metadata["labels"] = map[string]any{"touched": strconv.Itoa(s.version)}
	object["metadata"] = metadata
	s.store(key, object)
}

func (s *Server) create(namespace string, body io.Reader) (int, map[string]any) {
	object, err := parse(body)
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	key := namespace + "/" + name
	switch {
	case err != nil || name == "" || metadata["resourceVersion"] != nil:
		return http.StatusUnprocessableEntity, nil
	case namespace == "nowhere":
		return http.StatusNotFound, nil
	case s.leases[key] != nil:
		return http.StatusConflict, nil
	}
	s.store(key, object)
	return http.StatusCreated, s.leases[key]
}

func (s *Server) update(key string, body io.Reader) (int, map[string]any) {
	object, err := parse(body)
	metadata, _ := object["metadata"].(map[string]any)
	version, _ := metadata["resourceVersion"].(string)
	there, _ := s.leases[key]["metadata"].(map[string]any)
	switch {
	case err != nil || version == "":
		return http.StatusUnprocessableEntity, nil
	case there == nil:
		return http.StatusNotFound, nil
	case version != there["resourceVersion"]:
		return http.StatusConflict, nil
	}
	s.store(key, object)
	return http.StatusOK, s.leases[key]
}

// parse reads a Lease, and checks what a server does.
func parse(body io.Reader) (map[string]any, error) {
	var object map[string]any
	if err := json.NewDecoder(body).Decode(&object); err != nil {
		return nil, err
	}
	spec, _ := object["spec"].(map[string]any)
	if seconds, _ := spec["leaseDurationSeconds"].(float64); seconds <= 0 || seconds != float64(int32(seconds)) {
		return nil, errors.New("leaseDurationSeconds: must be greater than 0")
	}
	for _, name := range []string{"acquireTime", "renewTime"} {
		text, _ := spec[name].(string)
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", text); err != nil {
			return nil, err
		}
	}
	if object["apiVersion"] != "coordination.k8s.io/v1" || object["kind"] != "Lease" {
		return nil, errors.New("no Lease")
	}
	return object, nil
}

// Start serves by TLS until stop. It returns what a Pod has for that: the files of its
// service account, by name, and the variables.
func (s *Server) Start() (account map[string]string, env []string, stop func()) {
	server := httptest.NewTLSServer(s)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	address := server.Listener.Addr().(*net.TCPAddr) //nolint:forcetypeassert // it listens by TCP
	return map[string]string{"token": s.Token + "\n", "namespace": "app", "ca.crt": string(ca)},
		[]string{"KUBERNETES_SERVICE_HOST=" + address.IP.String(), "KUBERNETES_SERVICE_PORT=" + strconv.Itoa(address.Port)}, server.Close
}

// RoundTrip implements [http.RoundTripper] without a network.
func (s *Server) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	w := httptest.NewRecorder()
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // a panic's value
			resp, err = nil, errors.Join(io.ErrUnexpectedEOF, r.Context().Err())
		} else if v != nil {
			panic(v)
		}
	}()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}
