// Command s3server is Versity's S3 gateway in front of a directory, with one user and one bucket: it stands in the tests for S3
// itself. It has ETags, checksums and versions, as S3 does.
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
	dir := flag.String("dir", "/tmp/s3", "to keep buckets in; models is created")
	id := flag.String("id", "app", "of the key")
	secret := flag.String("secret", "", "of the key")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	buckets, versions := filepath.Join(*dir, "buckets"), filepath.Join(*dir, "versions")
	for _, name := range []string{filepath.Join(buckets, "models"), versions, filepath.Join(*dir, "meta")} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return err
		}
	}
	store, err := meta.NewSideCar(filepath.Join(*dir, "meta"))
	if err != nil {
		return err
	}
	backend, err := posix.New(buckets, store, posix.PosixOpts{VersioningDir: versions, SideCarDir: filepath.Join(*dir, "meta")})
	if err != nil {
		return err
	}
	const enough = 1000
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: *id, RootUserSecret: *secret, Region: "us-east-1", Ports: []string{*address}, CertFile: *cert, KeyFile: *key,
		MaxConnections: enough, MaxRequests: enough, MultipartMaxParts: enough, Quiet: true,
	})
}
