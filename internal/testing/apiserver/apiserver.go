// Package apiserver is a fake of a Kubernetes API server, for tests: it keeps objects of any resource as one does, with
// resourceVersions, lists and watches, and fails where a test asks for it, which a real one does not. Its answers are
// those of kube-apiserver 1.34.
package apiserver

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
	"slices"
	"strconv"
	"strings"
	"sync"
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

// An Object is one as JSON has it.
type Object = map[string]any

// A Request is what a Role allows, or does not.
type Request struct{ Verb, Group, Resource, Namespace, Name string }

// A Server serves objects in every namespace but "nowhere", which is not there. The zero value is empty.
type Server struct {
	Token string                      // that a request must bear; "": any
	Fault func(r *http.Request) Fault // how a request goes wrong; nil: none does
	Deny  func(r Request) bool        // what the account may not do; nil: nothing

	// GoneStatus answers a watch from a version that is too old by status 410, instead of an event: both are seen.
	GoneStatus bool

	mu       sync.Mutex
	token    string // in the place of Token, since [Server.Rotate]
	version  int
	oldest   int               // of the versions that can be watched from
	objects  map[string]Object // by group/version/resource/namespace/name
	events   []event
	changed  chan struct{} // closed when events or stops change; nil: nobody waits
	stops    int           // how often watches were ended
	stop     Stop          // how, the last time
	requests []Request
}

// Rotate has requests bear another token.
func (s *Server) Rotate(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// Requests returns what was asked for so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Get returns an object by group/version/resource/namespace/name, nil if it is not there. The group of core is "", and so
// is the namespace of what has none.
func (s *Server) Get(key string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects[key])
}

// Put creates or replaces an object, as another client would.
func (s *Server) Put(key string, object Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(key, "/")
	object = maps.Clone(object)
	metadata, _ := object["metadata"].(Object)
	if metadata = maps.Clone(metadata); metadata == nil {
		metadata = Object{}
	}
	metadata["name"] = parts[4]
	if parts[3] != "" {
		metadata["namespace"] = parts[3]
	}
	object["metadata"] = metadata
	s.store(key, object)
}

// Delete removes an object.
func (s *Server) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.objects[key]
	if object == nil {
		return
	}
	delete(s.objects, key)
	s.log("DELETED", key, s.versioned(object))
}

// store gives an object the next version.
func (s *Server) store(key string, object Object) {
	if s.objects == nil {
		s.objects = map[string]Object{}
	}
	kind := "MODIFIED"
	if s.objects[key] == nil {
		kind = "ADDED"
	}
	object = s.versioned(object)
	s.objects[key] = object
	s.log(kind, key, object)
}

// versioned returns a copy with the next version.
func (s *Server) versioned(object Object) Object {
	s.version++
	object = maps.Clone(object)
	metadata, _ := object["metadata"].(Object)
	metadata = maps.Clone(metadata)
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	object["metadata"] = metadata
	return object
}

var paths = regexp.MustCompile(`^/(?:api|apis/([^/]+))/(v[^/]+)(?:/namespaces/([^/]+))?/([^/]+)(?:/([^/]+))?$`)

// A target is what a request is about.
type target struct {
	Request

	version string
	query   map[string]string
}

// prefix is that of the keys of its objects.
func (t target) prefix() string {
	return t.Group + "/" + t.version + "/" + t.Resource + "/" + t.Namespace + "/"
}

func (t target) key() string { return t.prefix() + t.Name }

// targetOf returns what a request is about, nil if the path is none of the API.
func targetOf(r *http.Request) *target {
	path := paths.FindStringSubmatch(r.URL.Path)
	if path == nil {
		return nil
	}
	t := &target{version: path[2], query: map[string]string{}}
	t.Group, t.Namespace, t.Resource, t.Name = path[1], path[3], path[4], path[5]
	for key := range r.URL.Query() {
		t.query[key] = r.URL.Query().Get(key)
	}
	t.Verb = map[string]string{
		http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch",
	}[r.Method]
	if t.Verb == "get" && t.Name == "" {
		t.Verb = "list"
		if t.query["watch"] != "" {
			t.Verb = "watch"
		}
		if name, ok := strings.CutPrefix(t.query["fieldSelector"], "metadata.name="); ok {
			t.Name = name // as the authorizer has it
		}
	}
	return t
}

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
	if t := targetOf(r); t != nil && t.Verb == "watch" {
		s.watch(w, r, t)
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
	_ = json.NewEncoder(w).Encode(failure(status))
}

func failure(status int) Object {
	return Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Failure", "code": status, "message": "s3cret message"}
}

// refuse returns the status of a request that is not allowed, 0 for one that is.
func (s *Server) refuse(r *http.Request, t *target) int {
	s.mu.Lock()
	token := s.Token
	if s.token != "" {
		token = s.token
	}
	s.requests = append(s.requests, t.Request)
	s.mu.Unlock()
	switch {
	case token != "" && r.Header.Get("Authorization") != "Bearer "+token:
		return http.StatusUnauthorized
	case t.Verb == "" || (t.Verb == "create") != (t.Name == "") && t.Verb != "list" && t.Verb != "watch":
		return http.StatusMethodNotAllowed
	case s.Deny != nil && s.Deny(t.Request):
		return http.StatusForbidden
	case strings.Count(t.query["labelSelector"], "(") != strings.Count(t.query["labelSelector"], ")"):
		return http.StatusBadRequest
	}
	return 0
}

// serve carries a request out. Without an object it has failed.
func (s *Server) serve(r *http.Request, touch bool) (status int, object Object) {
	t := targetOf(r)
	if t == nil {
		return http.StatusNotFound, nil
	}
	if status := s.refuse(r, t); status != 0 {
		return status, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if touch && s.objects[t.key()] != nil {
		s.touch(t.key())
	}
	switch t.Verb {
	case "get":
		if s.objects[t.key()] == nil {
			return http.StatusNotFound, nil
		}
		return http.StatusOK, s.objects[t.key()]
	case "list":
		return http.StatusOK, s.list(t)
	case "create":
		return s.create(t, r.Body)
	case "patch":
		return s.patch(t, r.Body)
	}
	return s.update(t, r.Body)
}

// touch writes a label.
func (s *Server) touch(key string) {
	object := maps.Clone(s.objects[key])
	metadata, _ := object["metadata"].(Object)
	metadata = maps.Clone(metadata)
	metadata["labels"] = Object{"touched": strconv.Itoa(s.version)}
	object["metadata"] = metadata
	s.store(key, object)
}

// Start serves by TLS until stop. It returns what a Pod has for that: the files of its service account, by name, and the
// environment variables.
func (s *Server) Start() (account map[string]string, env []string, stop func()) {
	server := httptest.NewTLSServer(s)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	address := server.Listener.Addr().(*net.TCPAddr) //nolint:forcetypeassert // it listens by TCP
	return map[string]string{"token": s.Token + "\n", "namespace": "app", "ca.crt": string(ca)},
		[]string{"KUBERNETES_SERVICE_HOST=" + address.IP.String(), "KUBERNETES_SERVICE_PORT=" + strconv.Itoa(address.Port)}, func() {
			server.CloseClientConnections() // of watches
			server.Close()
		}
}

// RoundTrip implements [http.RoundTripper] without a network, for anything but watches.
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

// Find returns the objects whose keys begin with a prefix, in the order of their keys.
func (s *Server) Find(prefix string) (all []Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, prefix) {
			all = append(all, s.objects[key])
		}
	}
	return all
}
