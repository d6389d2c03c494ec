// Package bucketserver is a server with the API of S3 in this process, and the servers of credentials beside it: STS, the agent of a
// container, the metadata of an instance. It stands in for real ones where they cannot be made to fail, or do not exist outside
// of a cloud; nothing here was recorded from them. The ordinary cases are tested against a real server, in integration.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
package bucketserver

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/testing/requestlog"
)

// An Object is what a key has.
type Object struct {
	Content io.ReaderAt
	Size    int64
	ETag    string
	Header  http.Header // of answers with the whole object, such as checksums
}

// A Key is a pair of an ID and a secret, with the token of a session.
type Key struct{ ID, Secret, Token string }

// A Server has one bucket, whose URLs have it in their path.
type Server struct {
	requestlog.Log // "METHOD URI", of the bucket

	URL      string
	Bucket   string
	Region   string
	PageSize int  // of listings; zero: 1000
	Public   bool // requests need no signature

	ExpiredCode string // for credentials that have expired; "": ExpiredToken

	// Fault is called with each request for the bucket, and reports whether it has answered. nil: never.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	server *httptest.Server

	mu      sync.Mutex
	objects map[string]Object
	keys    map[string]Key // by ID
	expired map[string]bool
	given   int // credentials by the servers of them

	// What the servers of credentials want, and how long what they give holds.
	IdentityToken, AgentToken string
	Lifetime                  time.Duration
}

// Start starts a server whose bucket is models, in us-east-1. A key that may read it can be given.
func Start(keys ...Key) *Server {
	s := &Server{
		Bucket: "models", Region: "us-east-1", objects: map[string]Object{}, keys: map[string]Key{}, expired: map[string]bool{},
		Lifetime: time.Hour,
	}
	for _, k := range keys {
		s.keys[k.ID] = k
	}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			s.sts(w, r)
		case r.URL.Path == "/agent":
			s.agent(w, r)
		case strings.HasPrefix(r.URL.Path, "/latest/"):
			s.metadata(w, r)
		default:
			s.serve(w, r)
		}
	}))
	s.URL = s.server.URL
	return s
}

// Close stops it.
func (s *Server) Close() { s.server.Close() }

// Put gives a key bytes.
func (s *Server) Put(key string, o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = o
}

// PutBytes gives a key bytes, whose ETag tells them from others.
func (s *Server) PutBytes(key string, b []byte) {
	s.Put(key, Object{Content: strings.NewReader(string(b)), Size: int64(len(b)), ETag: fmt.Sprintf(`"%x-1"`, sum(b))})
}

// Expire makes the credentials of a key, or of all that were given, expire.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.keys {
		s.expired[id] = true
	}
}

// Given returns how many credentials the servers of them gave.
func (s *Server) Given() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.Add(r.Method + " " + r.RequestURI)
	if s.Fault != nil && s.Fault(w, r) {
		return
	}
	if code := s.check(r); code != "" && !s.Public {
		s.Refuse(w, r, http.StatusForbidden, code)
		return
	}
	key, inBucket := strings.CutPrefix(r.URL.Path, "/"+s.Bucket)
	switch {
	case !inBucket || key != "" && key[0] != '/':
		s.Refuse(w, r, http.StatusNotFound, "NoSuchBucket")
	case strings.Trim(key, "/") == "" && r.URL.Query().Get("list-type") == "2":
		s.list(w, r)
	default:
		s.get(w, r, key[1:])
	}
}

// Refuse answers as S3 refuses: it repeats what it was sent.
func (s *Server) Refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	if code == "ExpiredToken" || code == "AuthorizationHeaderMalformed" {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Bucket-Region", s.Region)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>%s %[2]s</Message><StringToSign>%[2]s</StringToSign><Region>%s</Region></Error>",
		code, escape(fmt.Sprint(r.Header)), s.Region)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	o, ok := s.objects[key]
	s.mu.Unlock()
	want := r.Header.Get("If-Match")
	switch {
	case !ok:
		s.Refuse(w, r, http.StatusNotFound, "NoSuchKey")
		return
	case want != "" && want != o.ETag:
		s.Refuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case o.Size == 0 && r.Header.Get("Range") != "":
		w.Header().Set("Content-Range", "bytes */0")
		s.Refuse(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		return
	}
	w.Header().Set("ETag", o.ETag)
	w.Header().Set("Server", "AmazonS3")
	if r.Header.Get("Range") == "" && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		maps.Copy(w.Header(), o.Header)
	}
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(o.Content, 0, o.Size))
}

// list answers ListObjectsV2.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size := s.PageSize
	if size == 0 {
		size = 1000
	}
	if most, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		size = min(size, most)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Sorted(maps.Keys(s.objects))
	keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, q.Get("prefix")) })
	from, _ := strconv.Atoi(q.Get("continuation-token"))
	to := min(from+size, len(keys))
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>")
	if to < len(keys) {
		_, _ = fmt.Fprintf(&b, "<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", to)
	}
	for _, k := range keys[from:to] {
		_, _ = fmt.Fprintf(&b, "<Contents><Key>%s</Key><ETag>%s</ETag><Size>%d</Size></Contents>",
			url.QueryEscape(k), escape(s.objects[k].ETag), s.objects[k].Size)
	}
	b.WriteString("</ListBucketResult>")
	_, _ = io.WriteString(w, b.String())
}
