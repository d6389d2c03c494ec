// Command s3server is Versity's S3 gateway in front of a directory, with one user and one bucket: it stands in the conformance
// suite for S3 itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
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
	dir := flag.String("dir", "/tmp/s3", "with a directory per bucket; models is created")
	secret := flag.String("secret", "", "of the key app")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	if err := os.MkdirAll(filepath.Join(*dir, "models"), 0o700); err != nil {
		return err
	}
	backend, err := posix.New(*dir, meta.NoMeta{}, posix.PosixOpts{})
	if err != nil {
		return err
	}
	const enough = 1000
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: "app", RootUserSecret: *secret, Region: "us-east-1", Ports: []string{*address}, CertFile: *cert, KeyFile: *key,
		MaxConnections: enough, MaxRequests: enough, MultipartMaxParts: enough, Quiet: true,
	})
}
