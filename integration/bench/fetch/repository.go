package main

import (
	"crypto/sha1" //nolint:gosec // git's
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// A layout is how the files of a scenario are reached.
type layout int

const (
	urls   layout = iota // a URL for each
	hub                  // a repository of the Hugging Face Hub
	prefix               // all objects of a bucket
)

const (
	repository = bucket + "/model"
	commit     = "0123456789abcdef0123456789abcdef01234567"
	listing    = ".listing" // in the directory of the files

	lfsSize   = mib // files of this size are in LFS
	smallSize = 64 * kib
)

// catalog answers what a hub and S3 say of the files in a directory. It is all that the clients here ask, and no more.
type catalog struct{ files []file }

func readCatalog(dir string) (catalog, error) {
	var c catalog
	b, err := os.ReadFile(filepath.Join(dir, listing))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c.files)
}

// writeCatalog writes what readCatalog reads.
func writeCatalog(dir string, files []file) error {
	b, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, listing), b, 0o600)
}

// serve adds the catalog to a server of the files.
func (c catalog) serve(files http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/models/"+repository+"/revision/main", c.revision)
	mux.HandleFunc("GET /api/models/"+repository+"/tree/{revision}", c.tree)
	mux.HandleFunc("GET /"+repository+"/resolve/{revision}/{name}", func(w http.ResponseWriter, r *http.Request) {
		if f := c.find(r.PathValue("name")); f.Size >= lfsSize {
			http.Redirect(w, r, "/"+bucket+"/"+f.Name, http.StatusFound)
			return
		}
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("/"+bucket+"/{name...}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") == "" {
			c.list(w, r)
			return
		}
		c.checksum(w, r)
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /"+bucket, c.list)
	return mux
}

func (c catalog) find(name string) file {
	for _, f := range c.files {
		if f.Name == name {
			return f
		}
	}
	return file{}
}

func (catalog) revision(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `{"sha":%q}`, commit)
}

// tree lists a commit (https://huggingface.co/docs/hub/api).
func (c catalog) tree(w http.ResponseWriter, _ *http.Request) {
	type lfs struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	}
	type entry struct {
		Type string `json:"type"`
		Path string `json:"path"`
		OID  string `json:"oid"`
		Size int64  `json:"size"`
		LFS  *lfs   `json:"lfs,omitempty"`
	}
	var all []entry
	for _, f := range c.files {
		e := entry{Type: "file", Path: f.Name, OID: f.Blob, Size: f.Size}
		if f.Size >= lfsSize {
			e.LFS = &lfs{f.Sum, f.Size}
		}
		all = append(all, e)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all)
}

// list lists the bucket, in one page (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func (c catalog) list(w http.ResponseWriter, r *http.Request) {
	type object struct {
		Key          string
		LastModified string
		ETag         string
		Size         int64
	}
	answer := struct {
		XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name        string
		Prefix      string
		KeyCount    int
		MaxKeys     int
		IsTruncated bool
		Contents    []object
	}{Name: bucket, Prefix: r.URL.Query().Get("prefix"), MaxKeys: 1000}
	for _, f := range c.files {
		if strings.HasPrefix(f.Name, answer.Prefix) {
			answer.Contents = append(answer.Contents, object{f.Name, "2026-01-01T00:00:00.000Z", f.etag(), f.Size})
		}
	}
	answer.KeyCount = len(answer.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

// checksum adds the checksum that S3 has of an object to the answer of a request for it.
func (c catalog) checksum(w http.ResponseWriter, r *http.Request) {
	f := c.find(r.PathValue("name"))
	sum, err := hex.DecodeString(f.Sum)
	if f.Name == "" || err != nil {
		return
	}
	w.Header().Set("ETag", f.etag())
	if r.Header.Get("X-Amz-Checksum-Mode") != "" {
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
}

// etag is that of an object in parts: no digest of anything.
func (f file) etag() string { return `"` + f.Blob[:32] + `-8"` }

// gitBlob returns what git calls a file.
func gitBlob(b []byte) string {
	h := sha1.New() //nolint:gosec // git's
	fmt.Fprintf(h, "blob %d\x00", len(b))
	_, _ = h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
