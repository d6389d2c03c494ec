// Command gsserver is fake-gcs-server with one bucket in memory: it stands in the tests for Google Cloud Storage. It has
// generations, digests and transcoding, as Google's has; it asks for no authentication.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves until it is killed.
func serve() error {
	address := flag.String("address", "", "to listen on")
	public := flag.String("host", "", "that clients name, with the port if it is not that of the scheme")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: *public})
	if err != nil {
		return err
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "models"})
	const wait = 10 * time.Second
	s := &http.Server{Addr: *address, Handler: server.HTTPHandler(), ReadHeaderTimeout: wait}
	if *cert == "" {
		return s.ListenAndServe()
	}
	return s.ListenAndServeTLS(*cert, *key)
}
