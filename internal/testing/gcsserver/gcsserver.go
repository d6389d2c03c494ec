// Package gcsserver is a server with the part of Google Cloud Storage's APIs that inith uses, in this process, and the servers of
// tokens beside it. It stands in where the one in integration, which knows no authentication, cannot be made to fail; nothing
// here was recorded from Google's servers.
//
// https://cloud.google.com/storage/docs/xml-api/get-object-download
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
package gcsserver

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/testing/requestlog"
)

// An Object is what a name has.
type Object struct {
	Content    []byte
	Gzip       bool // it is stored compressed
	Hash       string
	Generation int64 // zero: the next one
}

// A Server has one bucket, models.
type Server struct {
	requestlog.Log // "METHOD URI", of the bucket

	URL      string
	PageSize int    // of listings; zero: 1000
	Public   bool   // requests need no token
	Project  string // that has to pay; "": the requester need not

	// Fault is called with each request for the bucket, and reports whether it has answered. nil: never.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	// What the servers of tokens want, and how long what they give holds.
	SubjectToken, RefreshToken string
	Lifetime                   time.Duration
	TokenText                  string // that all tokens hold

	server *httptest.Server
	key    func() *rsa.PrivateKey // of the service account

	mu         sync.Mutex
	objects    map[string]Object
	generation int64
	tokens     map[string]bool // whether they are valid
	given      int
	asked      []string // paths of the servers of tokens
}

// Start starts a server.
func Start() *Server {
	s := &Server{
		objects: map[string]Object{}, tokens: map[string]bool{}, generation: 1_700_000_000_000_000, Lifetime: time.Hour, TokenText: "t0k3n",
		key: sync.OnceValue(func() *rsa.PrivateKey {
			const bits = 2048
			key, _ := rsa.GenerateKey(rand.Reader, bits)
			return key
		}),
	}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.serveToken(w, r) {
			s.serve(w, r)
		}
	}))
	s.URL = "http://" + s.server.Listener.Addr().String() // before it starts: it is part of what it serves
	s.server.Start()
	return s
}

// Host returns the host and the port.
func (s *Server) Host() string { return strings.TrimPrefix(s.URL, "http://") }

// Close stops it.
func (s *Server) Close() { s.server.Close() }

// Put gives a name an object.
func (s *Server) Put(name string, o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	if o.Generation == 0 {
		o.Generation = s.generation
	}
	if o.Hash == "" {
		sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum(o.Content, crc32.MakeTable(crc32.Castagnoli)))
		o.Hash = "crc32c=" + base64.StdEncoding.EncodeToString(sum)
	}
	s.objects[name] = o
}

// PutBytes gives a name bytes.
func (s *Server) PutBytes(name string, b []byte) { s.Put(name, Object{Content: b}) }

// Generation returns that of an object.
func (s *Server) Generation(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatInt(s.objects[name].Generation, 10)
}

// Expire makes all tokens expire.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Given returns how many tokens for the store there were.
func (s *Server) Given() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.Add(r.Method + " " + r.RequestURI)
	s.mu.Lock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	valid := s.tokens[token]
	s.mu.Unlock()
	if s.Fault != nil && s.Fault(w, r) {
		return
	}
	name, inBucket := strings.CutPrefix(r.URL.Path, "/models/")
	switch listing := strings.HasPrefix(r.URL.Path, "/storage/v1/b/"); {
	case token != "" && !valid:
		s.Refuse(w, r, http.StatusUnauthorized, "AuthenticationRequired")
	case token == "" && !s.Public:
		s.Refuse(w, r, http.StatusForbidden, "AccessDenied")
	case s.Project != "" && r.Header.Get("X-Goog-User-Project") != s.Project:
		s.Refuse(w, r, http.StatusBadRequest, "UserProjectMissing")
	case r.URL.Path == "/storage/v1/b/models/o":
		s.list(w, r)
	case listing || !inBucket:
		s.Refuse(w, r, http.StatusNotFound, "NoSuchBucket")
	default:
		s.get(w, r, name)
	}
}

// Refuse answers as Google's store refuses, and repeats what it was sent. HEAD has no code, and the JSON API has others.
func (*Server) Refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	said := base64.StdEncoding.EncodeToString(fmt.Append(nil, r.Header)) + r.Header.Get("Authorization")
	if strings.HasPrefix(r.URL.Path, "/storage/v1/") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		reason := map[string]string{
			"UserProjectMissing": `required","message":"Bucket is a requester pays bucket but no user project provided.`, "RateLimit": "userRateLimitExceeded",
		}[code]
		_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":"%s","errors":[{"reason":"%s"}]}}`, status, said, reason) //nolint:gosec // for tests
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<?xml version='1.0'?><Error><Code>%s</Code><Message>said</Message><Details>%s</Details></Error>", code, said) //nolint:gosec // for tests
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	o, ok := s.objects[name]
	s.mu.Unlock()
	generation := strconv.FormatInt(o.Generation, 10)
	asked := r.URL.Query().Get("generation")
	want := r.Header.Get("X-Goog-If-Generation-Match")
	switch {
	case !ok, asked != "" && asked != generation:
		s.Refuse(w, r, http.StatusNotFound, "NoSuchKey")
		return
	case want != "" && want != generation:
		s.Refuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case r.Header.Get("If-Match")+r.Header.Get("If-Range") != "":
		s.Refuse(w, r, http.StatusBadRequest, "InvalidArgument") // not how a generation is asked for
		return
	}
	h := w.Header()
	h.Set("X-Goog-Generation", generation)
	h.Set("ETag", fmt.Sprintf(`"%x"`, o.Generation))
	for hash := range strings.SplitSeq(o.Hash, ",") {
		h.Add("X-Goog-Hash", hash)
	}
	h.Set("X-Goog-Stored-Content-Length", strconv.Itoa(len(o.Content)))
	h.Set("X-Goog-Stored-Content-Encoding", map[bool]string{true: "gzip", false: "identity"}[o.Gzip])
	switch {
	case o.Gzip && !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"): // it is decompressed, and ranges are ignored
		h.Add("Warning", `214 UploadServer "gunzipped"`)
		z, _ := gzip.NewReader(bytes.NewReader(o.Content))
		_, _ = io.Copy(w, z) //nolint:gosec // the test's own
		return
	case o.Gzip:
		h.Set("Content-Encoding", "gzip")
	case len(o.Content) == 0 && r.Header.Get("Range") != "":
		h.Set("Content-Range", "bytes */0")
		s.Refuse(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.Content))
}

// list answers objects.list.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size := s.PageSize
	if size == 0 {
		size = 1000
	}
	if most, err := strconv.Atoi(q.Get("maxResults")); err == nil {
		size = min(size, most)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.objects))
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, q.Get("prefix")) })
	from, _ := strconv.Atoi(q.Get("pageToken"))
	to := min(from+size, len(names))
	type item struct {
		Name       string `json:"name"`
		Size       string `json:"size"`
		Generation string `json:"generation"`
	}
	answer := struct {
		NextPageToken string `json:"nextPageToken,omitempty"`
		Items         []item `json:"items,omitempty"`
	}{}
	if to < len(names) {
		answer.NextPageToken = strconv.Itoa(to)
	}
	for _, n := range names[from:to] {
		o := s.objects[n]
		answer.Items = append(answer.Items, item{n, strconv.Itoa(len(o.Content)), strconv.FormatInt(o.Generation, 10)})
	}
	_ = json.NewEncoder(w).Encode(answer)
}
