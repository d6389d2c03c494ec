// Package hubserver is a Hugging Face Hub in this process, written from its documentation and
// from what its own client expects. It stands in for the real one, which no test may need:
// nothing here was recorded from it.
//
// https://huggingface.co/docs/hub/api
// https://huggingface.co/docs/hub/rate-limits
package hubserver

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/testing/requestlog"
)

// A Repository is what the hub has at one commit.
type Repository struct {
	Name     string // such as "org/model", "datasets/org/name" or "spaces/org/name"
	Revision string // besides "main"
	Commit   string // 40 hexadecimal digits
	Token    string // that reads it; "": everybody does
	Gated    bool   // its tree may be seen, its files only with Token
	Files    map[string][]byte
	LFS      int // files of so many bytes or more are in LFS
}

// A Server serves a repository. Files in LFS come from another origin, by signed links.
type Server struct {
	requestlog.Log // "METHOD PATH", of both origins

	URL      string // the endpoint
	PageSize int    // of listings; zero: 1000

	// Fault is called with each request, of the endpoint and of the other origin, and
	// reports whether it has answered. nil: never.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	repository Repository
	signature  string // of links: a secret
	endpoint   *httptest.Server
	storage    *httptest.Server

	mu      sync.Mutex
	expired int      // links with a lower number have expired
	leaks   []string // credentials or pages that the other origin received
}

// Start starts a hub. The signature is part of each link.
func Start(r Repository, signature string) *Server {
	s := &Server{repository: r, signature: signature}
	s.endpoint, s.storage = httptest.NewUnstartedServer(s.recorded(s.serve)), httptest.NewUnstartedServer(s.recorded(s.store))
	s.storage.Start() // first: the endpoint links to it
	s.endpoint.Start()
	s.URL = s.endpoint.URL
	return s
}

// Change gives the hub another repository, such as a later commit of the same one.
func (s *Server) Change(r Repository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repository = r
}

func (s *Server) now() *Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repository
	return &r
}

// Close stops it.
func (s *Server) Close() {
	s.endpoint.Close()
	s.storage.Close()
}

// Expire makes all links that were given expire.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired++
}

// Leaks returns what the other origin received and must not know.
func (s *Server) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leaks)
}

// IsStorage reports whether a request is to the other origin.
func (s *Server) IsStorage(r *http.Request) bool { return "http://"+r.Host == s.storage.URL }

func (s *Server) recorded(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Add(r.Method + " " + r.URL.EscapedPath())
		if s.Fault == nil || !s.Fault(w, r) {
			serve(w, r)
		}
	})
}

// Refuse answers as the hub refuses.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(status)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	repo := s.now()
	kind, name := "models", repo.Name
	for _, other := range []string{"datasets", "spaces"} {
		if rest, ok := strings.CutPrefix(name, other+"/"); ok {
			kind, name = other, rest
		}
	}
	asked := r.URL.EscapedPath()
	known := repo.Token == "" || r.Header.Get("Authorization") == "Bearer "+repo.Token
	api, isAPI := strings.CutPrefix(asked, "/api/"+kind+"/"+name+"/")
	file, isFile := strings.CutPrefix(asked, "/"+repo.Name+"/resolve/")
	switch {
	case !isAPI && !isFile, !known && !repo.Gated:
		Refuse(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
	case isAPI:
		s.serveAPI(w, r, repo, api)
	case !known:
		Refuse(w, http.StatusForbidden, "GatedRepo", "Access to model is restricted")
	default:
		s.serveFile(w, r, repo, file)
	}
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, repo *Repository, asked string) {
	what, rest, _ := strings.Cut(asked, "/")
	revision, directory, _ := strings.Cut(rest, "/")
	if !repo.has(revision) {
		Refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id")
		return
	}
	if what == "revision" {
		_ = json.NewEncoder(w).Encode(map[string]string{"id": repo.Name, "sha": repo.Commit})
		return
	}
	directory, _ = url.PathUnescape(directory)
	recursive := r.URL.Query().Get("recursive") == "true"
	entries := repo.list(directory, recursive)
	if len(entries) == 0 && directory != "" {
		Refuse(w, http.StatusNotFound, "EntryNotFound", directory+" does not exist")
		return
	}
	size := s.PageSize
	if size == 0 {
		size = 1000
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(from+size, len(entries))
	if to < len(entries) { // by the public name, whatever name a mirror has
		w.Header().Set("Link", fmt.Sprintf(`<https://huggingface.co%s?recursive=%t&cursor=%d>; rel="next"`, r.URL.EscapedPath(), recursive, to))
	}
	_ = json.NewEncoder(w).Encode(entries[from:to])
}

func (r *Repository) has(escaped string) bool {
	revision, err := url.PathUnescape(escaped)
	return err == nil && slices.Contains([]string{"main", r.Revision, r.Commit}, revision)
}

// list returns the entries of a directory, or all that is below it, as the API has them.
func (r *Repository) list(directory string, recursive bool) []any {
	all := []any{}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		rest := name
		if directory != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(name, directory+"/"); !ok {
				continue
			}
		}
		at := directory
		segments := strings.Split(rest, "/")
		for _, segment := range segments[:len(segments)-1] {
			if at = path.Join(at, segment); !seen[at] {
				seen[at] = true
				all = append(all, map[string]any{"type": "directory", "path": at, "oid": gitName(nil), "size": 0})
			}
			if !recursive {
				break
			}
		}
		if recursive || len(segments) == 1 {
			all = append(all, r.entry(name))
		}
	}
	return all
}

func (r *Repository) entry(name string) map[string]any {
	b := r.Files[name]
	entry := map[string]any{"type": "file", "path": name, "size": len(b), "oid": gitName(b)}
	if len(b) >= r.LFS {
		entry["oid"] = gitName([]byte("pointer"))
		entry["lfs"] = map[string]any{"oid": fmt.Sprintf("%x", sha256.Sum256(b)), "size": len(b), "pointerSize": 135}
	}
	return entry
}

func gitName(b []byte) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(b), b))) //nolint:gosec // git's
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, repo *Repository, asked string) {
	revision, escaped, _ := strings.Cut(asked, "/")
	name, _ := url.PathUnescape(escaped)
	b, ok := repo.Files[name]
	switch {
	case !repo.has(revision):
		Refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id")
	case !ok:
		Refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
	case len(b) >= repo.LFS:
		s.mu.Lock()
		link := fmt.Sprintf("%s/%s?X-Amz-Expires=3600&X-Amz-Signature=%s&n=%d", s.storage.URL, escaped, url.QueryEscape(s.signature), s.expired)
		s.mu.Unlock()
		w.Header().Set("Location", link)
		w.WriteHeader(http.StatusFound)
	default:
		w.Header().Set("ETag", `"`+gitName(b)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

// store serves what a link is for.
func (s *Server) store(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	s.mu.Lock()
	valid := r.URL.Query().Get("X-Amz-Signature") == s.signature && n >= s.expired
	for _, name := range []string{"Authorization", "Cookie", "Referer"} {
		if value := r.Header.Get(name); value != "" {
			s.leaks = append(s.leaks, name+": "+value)
		}
	}
	s.mu.Unlock()
	if !valid {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
		return
	}
	w.Header().Set("ETag", `"storage"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.now().Files[strings.TrimPrefix(r.URL.Path, "/")]))
}
