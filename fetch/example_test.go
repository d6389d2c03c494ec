package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inith/inith/fetch"
)

// Fetch a file whose digest is known. A second run sends no request.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello, world\n"))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	u, err := url.Parse(server.URL + "/models/hello.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	digest, err := fetch.ParseDigest("sha256:853ff93762a06ddbf722c4ebe9ddd66d8f63ddaea97f521c3ecc20da7c976020")
	if err != nil {
		fmt.Println(err)
		return
	}
	f := &fetch.Fetcher{Connections: 8}
	for range 2 {
		results, err := f.All(context.Background(), []fetch.File{{URL: u, Dest: dir + "/", Digest: digest}})
		if err != nil {
			fmt.Println(err)
			return
		}
		r := results[0]
		fmt.Println(filepath.Base(r.Path), r.Size, "bytes, evidence:", r.Evidence, "up to date:", r.Skipped)
	}
	// Output:
	// hello.txt 13 bytes, evidence: pinned up to date: false
	// hello.txt 13 bytes, evidence: pinned up to date: true
}

// A file that has another content than the pinned one is not written.
func ExampleDigestError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>Please log in"))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	u, err := url.Parse(server.URL + "/model.bin")
	if err != nil {
		fmt.Println(err)
		return
	}
	f := &fetch.Fetcher{}
	t, err := f.Open(fetch.File{URL: u, Dest: filepath.Join(dir, "model.bin"), Digest: fetch.Digest{
		Algorithm: "sha256", Hex: strings.Repeat("0", 64),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = t.Run(context.Background())
	if mismatch, ok := errors.AsType[*fetch.DigestError](err); ok {
		fmt.Println("the server sent", mismatch.Looks)
	}
	_, err = os.Stat(filepath.Join(dir, "model.bin"))
	fmt.Println("written:", err == nil)
	// Output:
	// the server sent an HTML page, as logins and portals send
	// written: false
}
