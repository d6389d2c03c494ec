// Package blobserver is a server with the part of Azure's Blob service that inith uses, in this process, and the servers of tokens
// beside it: Microsoft Entra ID and the metadata service of a node. There is no real one outside of Azure to test against;
// nothing here was recorded from Azure, all is from its documentation.
//
// https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob
// https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs
// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
package blobserver

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Azure's
	"encoding/base64"
	"encoding/xml"
	"fmt"
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

// A Blob is what a name has.
type Blob struct {
	Content   []byte
	NoMD5     bool   // as of large uploads
	MD5       string // in base64; "": the right one
	Directory bool   // it is a directory of an account with a hierarchical namespace

	etag string
}

// A Server has an account with the name account, and in it a container with the name models. The account is in the path of URLs.
type Server struct {
	requestlog.Log // "METHOD URI", of the container

	URL      string
	PageSize int    // of listings; zero: 5000
	Public   bool   // requests need nothing that proves who asks
	Key      string // of the account, in base64; "": requests may not be signed
	SAS      string // that is accepted; "": none is

	// Fault is called with each request for the container, and reports whether it has answered. nil: never.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	// What the servers of tokens want, and how long what they give holds.
	Assertion, Secret string
	Lifetime          time.Duration
	TokenText         string // that all tokens hold

	server *httptest.Server

	mu       sync.Mutex
	blobs    map[string]Blob
	versions int
	tokens   map[string]bool // that are valid
	given    int
	asked    []string // how tokens were asked for
}

// Start starts a server.
func Start() *Server {
	s := &Server{blobs: map[string]Blob{}, tokens: map[string]bool{}, Lifetime: time.Hour, TokenText: "t0k3n"}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
			s.entra(w, r)
		case r.URL.Path == "/metadata/identity/oauth2/token":
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

// Put gives a name a blob.
func (s *Server) Put(name string, b Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions++
	b.etag = fmt.Sprintf("0x8DC%d", s.versions)
	s.blobs[name] = b
}

// PutBytes gives a name bytes.
func (s *Server) PutBytes(name string, b []byte) { s.Put(name, Blob{Content: b}) }

// Expire makes all tokens expire.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Given returns how many tokens there were.
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
	if status, code := s.check(r); code != "" {
		s.Refuse(w, r, status, code)
		return
	}
	rest, inContainer := strings.CutPrefix(r.URL.Path, "/account/models")
	switch {
	case !inContainer || rest != "" && rest[0] != '/':
		s.Refuse(w, r, http.StatusNotFound, "ContainerNotFound")
	case rest == "" && r.URL.Query().Get("comp") == "list" && r.URL.Query().Get("restype") == "container":
		s.list(w, r)
	case rest == "":
		s.Refuse(w, r, http.StatusBadRequest, "InvalidQueryParameterValue")
	default:
		s.get(w, r, rest[1:])
	}
}

// Refuse answers as the Blob service refuses, and repeats what it was sent.
func (*Server) Refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Ms-Error-Code", code)
	w.WriteHeader(status)
	said := base64.StdEncoding.EncodeToString(fmt.Append(nil, r.Header)) + r.Header.Get("Authorization") + r.RequestURI
	_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, escape(said))
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	b, ok := s.blobs[name]
	s.mu.Unlock()
	want := r.Header.Get("If-Match")
	switch {
	case !ok:
		s.Refuse(w, r, http.StatusNotFound, "BlobNotFound")
		return
	case want != "" && want != `"`+b.etag+`"`:
		s.Refuse(w, r, http.StatusPreconditionFailed, "ConditionNotMet")
		return
	}
	h := w.Header()
	h.Set("ETag", `"`+b.etag+`"`)
	if b.Directory {
		h.Set("X-Ms-Meta-Hdi_isfolder", "true")
	}
	if len(b.Content) == 0 && r.Header.Get("Range") != "" {
		h.Set("Content-Range", "bytes */0")
		s.Refuse(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		return
	}
	sum := md5.Sum(b.Content) //nolint:gosec // Azure's
	digest := base64.StdEncoding.EncodeToString(sum[:])
	if b.MD5 != "" {
		digest = b.MD5
	}
	switch {
	case b.NoMD5:
	case r.Header.Get("Range") != "":
		h.Set("X-Ms-Blob-Content-Md5", digest)
		h.Set("Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==") // of the part
	default:
		h.Set("Content-Md5", digest)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Content))
}

// list answers List Blobs.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	const most = 5000
	size := most
	if s.PageSize > 0 {
		size = s.PageSize
	}
	if asked, err := strconv.Atoi(q.Get("maxresults")); err == nil {
		size = min(size, asked)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.blobs))
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, q.Get("prefix")) })
	from, _ := strconv.Atoi(strings.TrimPrefix(q.Get("marker"), "2!"))
	to := min(from+size, len(names))
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?><EnumerationResults ServiceEndpoint=\"x\" ContainerName=\"models\"><Blobs>")
	for _, n := range names[from:to] {
		blob := s.blobs[n]
		_, _ = fmt.Fprintf(&b, "<Blob><Name>%s</Name><Properties><Etag>%s</Etag><Content-Length>%d</Content-Length></Properties>",
			escape(n), blob.etag, len(blob.Content))
		if blob.Directory {
			b.WriteString("<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>")
		}
		b.WriteString("</Blob>")
	}
	b.WriteString("</Blobs>")
	if to < len(names) {
		_, _ = fmt.Fprintf(&b, "<NextMarker>2!%d</NextMarker>", to)
	} else {
		b.WriteString("<NextMarker />")
	}
	b.WriteString("</EnumerationResults>")
	_, _ = w.Write([]byte(b.String()))
}
