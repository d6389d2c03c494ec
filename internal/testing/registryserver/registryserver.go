// Package registryserver is a registry of images in this process, with the server that gives tokens for it and the storage that
// it redirects to, written from the distribution specification. It stands in for real ones where they cannot be made to fail:
// nothing here was recorded from them. The ordinary cases are tested against a real registry, in integration.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
// https://distribution.github.io/distribution/spec/auth/token/
package registryserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/testing/requestlog"
)

// How a registry wants to be shown who asks.
const (
	Open  = ""      // by nothing
	Basic = "basic" // by a password
	Token = "token" // by a token
)

// A Server has one repository.
type Server struct {
	requestlog.Log // "METHOD PATH", of all three

	URL        string
	Host       string // of URL, with its port
	Repository string

	// What is set before the first request.
	Login         string // Open, Basic or Token
	User          string
	Password      string // "": everybody gets a token
	IdentityToken string // that the server of tokens takes instead of the password
	Realm         string // that the challenge has; "": the server of tokens
	Lifetime      int    // of tokens, in seconds; zero: the server does not say
	Redirects     bool   // blobs are at the storage, by signed links
	NoDigest      bool   // the answer has no Docker-Content-Digest

	// Fault is called with each request, to the storage and the server of tokens too, and reports whether it has answered.
	// nil: never.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	signature                      string // of links: a secret
	tokens                         string // what tokens begin with: a secret
	registry, tokenServer, storage *httptest.Server

	mu        sync.Mutex
	blobs     map[string][]byte // by digest
	manifests map[string][]byte // by tag and by digest
	given     int               // tokens
	expired   int               // tokens and links with a lower number have expired
	leaks     []string          // credentials that a server received which must not know them
}

// Start starts a registry with the repository org/model. Secret is part of each token and each link.
func Start(secret string) *Server {
	s := &Server{
		Repository: "org/model", signature: secret, tokens: secret, blobs: map[string][]byte{}, manifests: map[string][]byte{},
	}
	s.tokenServer = httptest.NewServer(s.recorded(s.serveToken))
	s.storage = httptest.NewServer(s.recorded(s.store))
	s.registry = httptest.NewServer(s.recorded(s.serve)) // last: it sends clients to the others
	s.URL = s.registry.URL
	s.Host = strings.TrimPrefix(s.URL, "http://")
	return s
}

// Close stops it.
func (s *Server) Close() {
	s.registry.Close()
	s.tokenServer.Close()
	s.storage.Close()
}

// A Descriptor is how manifests name a blob, or another manifest.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    map[string]string `json:"platform,omitempty"`
}

// Blob adds a blob.
func (s *Server) Blob(mediaType string, b []byte, annotations map[string]string) Descriptor {
	d := Descriptor{MediaType: mediaType, Digest: DigestOf(b), Size: int64(len(b)), Annotations: annotations}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[d.Digest] = b
	return d
}

// DigestOf returns the name of bytes.
func DigestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Put gives a tag a manifest, or anything else, and returns what an index says of it.
func (s *Server) Put(tag string, b []byte) Descriptor {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := Descriptor{MediaType: mediaTypeOf(b), Digest: DigestOf(b), Size: int64(len(b))}
	s.manifests[d.Digest] = b
	if tag != "" {
		s.manifests[tag] = b
	}
	return d
}

func mediaTypeOf(b []byte) string {
	var m struct{ MediaType string }
	_ = json.Unmarshal(b, &m)
	return m.MediaType
}

// Manifest gives a tag a manifest with a config of a type, and with layers.
func (s *Server) Manifest(tag, configType string, layers ...Descriptor) Descriptor {
	return s.Put(tag, marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": s.Blob(configType, []byte("{}"), nil), "layers": layers,
	}))
}

// Index gives a tag a list of manifests.
func (s *Server) Index(tag string, manifests ...Descriptor) Descriptor {
	return s.Put(tag, marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
	}))
}

// Artifact gives a tag files, as ORAS does.
func (s *Server) Artifact(tag string, files map[string][]byte) Descriptor {
	var layers []Descriptor
	for _, name := range slices.Sorted(maps.Keys(files)) {
		layers = append(layers, s.Blob("application/octet-stream", files[name], map[string]string{"org.opencontainers.image.title": name}))
	}
	return s.Manifest(tag, "application/vnd.oci.empty.v1+json", layers...)
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Damage gives a blob or a manifest other bytes than its name says.
func (s *Server) Damage(digest string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.blobs[digest]; ok {
		s.blobs[digest] = b
	} else {
		s.manifests[digest] = b
	}
}

// Expire makes all tokens and links that were given expire.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	s.expired = s.given
}

// Given returns how many tokens and links were given.
func (s *Server) Given() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

// Leaks returns what servers received that must not know it.
func (s *Server) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leaks)
}

func (s *Server) recorded(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Add(r.Method + " " + r.URL.Path)
		if s.Fault == nil || !s.Fault(w, r) {
			serve(w, r)
		}
	})
}

// Refuse answers as registries refuse.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": "s3cr3t said", "detail": nil}}})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.known(r) {
		s.challenge(w)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2/"+s.Repository+"/")
	kind, reference, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	blob, isBlob := s.blobs[reference]
	manifest, isManifest := s.manifests[reference]
	s.mu.Unlock()
	switch {
	case !ok:
		Refuse(w, http.StatusNotFound, "NAME_UNKNOWN")
	case kind == "manifests" && isManifest && strings.Contains(r.Header.Get("Accept"), mediaTypeOf(manifest)):
		w.Header().Set("Content-Type", mediaTypeOf(manifest))
		if !s.NoDigest {
			w.Header().Set("Docker-Content-Digest", DigestOf(manifest))
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(manifest))
	case kind == "manifests":
		Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
	case !isBlob:
		Refuse(w, http.StatusNotFound, "BLOB_UNKNOWN")
	case s.Redirects:
		s.redirect(w, reference)
	default:
		w.Header().Set("ETag", `"`+reference+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
	}
}

// known reports whether a request has what the registry wants.
func (s *Server) known(r *http.Request) bool {
	switch s.Login {
	case Basic:
		user, password, ok := r.BasicAuth()
		return ok && user == s.User && password == s.Password
	case Token:
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "+s.tokens+"-")
		return ok && s.valid(token)
	default:
		return true
	}
}

func (s *Server) valid(number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	_, err := fmt.Sscan(number, &n)
	return err == nil && n > s.expired && n <= s.given
}

func (s *Server) challenge(w http.ResponseWriter) {
	realm := s.Realm
	if realm == "" {
		realm = s.tokenServer.URL + "/token"
	}
	header := `Basic realm="registry"`
	if s.Login == Token {
		header = fmt.Sprintf(`Bearer realm=%q,service="registry.example",scope="repository:%s:pull"`, realm, s.Repository)
	}
	w.Header().Set("WWW-Authenticate", header)
	Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
}

// next returns the number of a new token or link.
func (s *Server) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	return s.given
}

// serveToken gives tokens for a password or an identity token.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	allowed := s.Password == "" || user == s.User && password == s.Password
	if r.Method == http.MethodPost {
		allowed = r.FormValue("grant_type") == "refresh_token" && s.IdentityToken != "" && r.PostFormValue("refresh_token") == s.IdentityToken
	}
	if !allowed || r.FormValue("service") != "registry.example" || r.FormValue("scope") != "repository:"+s.Repository+":pull" {
		Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	answer := map[string]any{"token": fmt.Sprintf("%s-%d", s.tokens, s.next())}
	if s.Lifetime > 0 {
		answer["expires_in"] = s.Lifetime
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Server) redirect(w http.ResponseWriter, digest string) {
	w.Header().Set("Location", fmt.Sprintf("%s/%s?X-Amz-Signature=%s&n=%d", s.storage.URL, digest, url.QueryEscape(s.signature), s.next()))
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// store serves what a link is for.
func (s *Server) store(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	for _, name := range []string{"Authorization", "Cookie", "Referer"} {
		if value := r.Header.Get(name); value != "" {
			s.leaks = append(s.leaks, name+": "+value)
		}
	}
	b, ok := s.blobs[strings.TrimPrefix(r.URL.Path, "/")]
	s.mu.Unlock()
	if !ok || r.URL.Query().Get("X-Amz-Signature") != s.signature || !s.valid(r.URL.Query().Get("n")) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
		return
	}
	w.Header().Set("ETag", `"storage"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}
