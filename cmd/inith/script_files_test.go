package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inith/inith/internal/testing/bucketserver"
	"github.com/inith/inith/internal/testing/hubserver"
	"github.com/inith/inith/internal/testing/registryserver"
)

// startFiles starts an origin with files for fetch: /model.bin of 3 MiB, the same
// for those only who send the canary at /private.bin, behind a redirect to a link
// that expires at /latest.bin, as a server without ranges has it at /plain.bin,
// and its digest in /SHA256SUMS.
func startFiles(e *testscript.Env) {
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	sum := fmt.Sprintf("%x", sha256.Sum256(b))
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/model.bin", serve)
	mux.HandleFunc("/private.bin", func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); r.Header.Get("X-Token") != canary && r.Header.Get("Authorization") != "Bearer "+canary && password != canary {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve(w, r)
	})
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if findCanary(fmt.Sprint(r.Header)) != "" || r.Header.Get("Referer") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		serve(w, r)
	}))
	mux.HandleFunc("/latest.bin", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+"/link.bin?X-Amz-Signature="+url.QueryEscape(canary), http.StatusFound)
	})
	mux.HandleFunc("/plain.bin", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b)
	})
	mux.HandleFunc("/busy.bin", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	mux.HandleFunc("/SHA256SUMS", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, "%s  model.bin\n", sum) })
	archive := archiveOf("README", "hello")
	mux.HandleFunc("/model.tar", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(archive))
	})
	origin := httptest.NewServer(mux)
	e.Defer(origin.Close)
	e.Defer(stranger.Close)
	e.Setenv("FILES", origin.URL)
	e.Setenv("FILES_HOST", strings.TrimPrefix(origin.URL, "http://"))
	e.Setenv("SUM", sum)
	e.Setenv("TARSUM", fmt.Sprintf("%x", sha256.Sum256(archive)))
}

// startHub starts a hub with a gated model, whose files are for those only who send the canary.
// The links to its large files have the canary in them.
func startHub(e *testscript.Env) {
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	hub := hubserver.Start(hubserver.Repository{
		Name: "org/model", Commit: strings.Repeat("0123456789", 4), Token: canary, Gated: true, LFS: 1 << 20,
		Files: map[string][]byte{"config.json": []byte("{}"), "onnx/model.bin": b},
	}, canary)
	e.Defer(hub.Close)
	e.Setenv("HUB", hub.URL)
}

// startBucket starts a server with the API of S3, which wants the canary as the secret of a key, and gives credentials to those who
// send the canary as the token of a cluster or of an agent.
func startBucket(e *testscript.Env) {
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	s := bucketserver.Start(bucketserver.Key{ID: "AKIAEXAMPLE", Secret: canary}, bucketserver.Key{ID: "ASIAEXAMPLE", Secret: canary, Token: canary})
	s.IdentityToken, s.AgentToken, s.PageSize = canary, canary, 1
	s.PutBytes("model.bin", b)
	for name, text := range map[string]string{"onnx/config.json": "{}", "onnx/": "", "onnx/data/empty": "", "onnx-v2/other": "x"} {
		s.PutBytes(name, []byte(text))
	}
	e.Defer(s.Close)
	e.Setenv("S3", s.URL)
}

// startRegistry starts a registry with an artifact, whose tokens are for those only who send the canary as a password; tokens and
// links to its blobs have the canary in them. $SECRETS/docker/config.json has the password, $SECRETS/wrong.json another one.
func startRegistry(e *testscript.Env) error {
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	s := registryserver.Start(canary)
	e.Defer(s.Close)
	s.Login, s.User, s.Password, s.Redirects = registryserver.Token, "user", canary, true
	artifact := s.Artifact("v1", map[string][]byte{"config.json": []byte("{}"), "onnx/model.bin": b})
	e.Setenv("REGISTRY", s.Host)
	e.Setenv("DIGEST", artifact.Digest)
	secrets := e.Getenv("SECRETS")
	if err := os.Mkdir(filepath.Join(secrets, "docker"), 0o700); err != nil {
		return err
	}
	for name, password := range map[string]string{"docker/config.json": canary, "wrong.json": canary + "x"} {
		auth := base64.StdEncoding.EncodeToString([]byte("user:" + password))
		config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, s.Host, auth)
		if err := os.WriteFile(filepath.Join(secrets, filepath.FromSlash(name)), []byte(config), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// archiveOf returns a tar with one file.
func archiveOf(name, text string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}
