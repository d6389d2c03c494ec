package apiserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An event is a change of an object.
type event struct {
	version   int
	kind, key string
	object    Object
}

// log keeps a change for those who watch.
func (s *Server) log(kind, key string, object Object) {
	s.events = append(s.events, event{s.version, kind, key, object})
	s.wake()
}

func (s *Server) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Bookmark tells those who watch the current version, without a change.
func (s *Server) Bookmark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.log("BOOKMARK", "", Object{"kind": "Unknown", "metadata": Object{"resourceVersion": strconv.Itoa(s.version), "creationTimestamp": nil}})
}

// Compact forgets what has changed so far: a watch from an older version is refused.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest = s.version
}

// A Stop is a way in which watches end.
type Stop int

// The ways.
const (
	End    Stop = iota // after a whole line
	Cut                // in the middle of a line
	Expire             // by an event with status 410
)

// Stop ends all watches that are open.
func (s *Server) Stop(how Stop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops++
	s.stop = how
	s.wake()
}

// Watchers returns how many requests to watch there were.
func (s *Server) Watchers() (n int) {
	for _, r := range s.Requests() {
		if r.Verb == "watch" {
			n++
		}
	}
	return n
}

// within reports whether a request asks for objects such as that of a key: without a namespace, it asks for those of all.
func (t *target) within(key string) bool {
	parts := strings.Split(key, "/")
	return len(parts) == 5 && parts[0] == t.Group && parts[1] == t.version && parts[2] == t.Resource &&
		(t.Namespace == "" || parts[3] == t.Namespace) && (t.Name == "" || parts[4] == t.Name)
}

// selects reports whether a request asks for an object.
func (t *target) selects(key string, object Object) bool {
	if !t.within(key) {
		return false
	}
	metadata, _ := object["metadata"].(Object)
	labels, _ := metadata["labels"].(Object)
	if about, ok := strings.CutPrefix(t.query["fieldSelector"], "involvedObject.name="); ok {
		if involved, _ := object["involvedObject"].(Object); involved["name"] != about {
			return false
		}
	}
	for pair := range strings.SplitSeq(t.query["labelSelector"], ",") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "" && labels[name] != value {
			return false
		}
	}
	return true
}

func (s *Server) list(t *target) Object {
	items := []Object{}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if object := s.objects[key]; t.selects(key, object) {
			items = append(items, object)
		}
	}
	return Object{"kind": "List", "apiVersion": "v1", "metadata": Object{"resourceVersion": strconv.Itoa(s.version)}, "items": items}
}

// watch writes the changes since a version, until its time is over or a test ends it.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, t *target) {
	if status := s.refuse(r, t); status != 0 {
		fail(w, status)
		return
	}
	from, _ := strconv.Atoi(t.query["resourceVersion"])
	seconds, _ := strconv.Atoi(t.query["timeoutSeconds"])
	s.mu.Lock()
	gone, stops := from < s.oldest, s.stops
	s.mu.Unlock()
	if gone && s.GoneStatus {
		fail(w, http.StatusGone)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	out := &stream{w: w, flush: http.NewResponseController(w).Flush}
	_ = out.flush()
	if gone {
		out.write("ERROR", failure(http.StatusGone))
		return
	}
	end := time.NewTimer(time.Duration(seconds) * time.Second)
	defer end.Stop()
	for {
		events, changed, stopped := s.since(from, stops)
		for _, e := range events {
			from = e.version
			if e.kind == "BOOKMARK" && t.query["allowWatchBookmarks"] != "" || t.selects(e.key, e.object) {
				out.write(e.kind, e.object)
			}
		}
		if stopped {
			s.finish(out)
			return
		}
		select {
		case <-changed:
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// since returns what has happened since a version, and what is closed when there is more.
func (s *Server) since(from, stops int) (events []event, changed <-chan struct{}, stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.version > from {
			events = append(events, e)
		}
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return events, s.changed, s.stops > stops
}

// finish ends a watch as a test asks.
func (s *Server) finish(out *stream) {
	s.mu.Lock()
	how := s.stop
	s.mu.Unlock()
	switch how {
	case Cut:
		_, _ = out.w.Write([]byte(`{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"`))
		_ = out.flush()
		panic(http.ErrAbortHandler)
	case Expire:
		out.write("ERROR", failure(http.StatusGone))
	}
}

// A stream is an answer that goes on.
type stream struct {
	w     http.ResponseWriter
	flush func() error
}

func (o *stream) write(kind string, object Object) {
	_ = json.NewEncoder(o.w).Encode(Object{"type": kind, "object": object})
	_ = o.flush()
}
