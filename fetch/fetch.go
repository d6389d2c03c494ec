// Package fetch downloads files: verified, resumable, in parallel ranges.
//
// [Fetcher.Open] checks what is asked for, [Transfer.Run] does it, and [Fetcher.All] does
// both for many files. A destination is absent, the old file, or the whole new one, never
// a part: bytes go to a partial file next to it, whose journal survives any death of the
// process, and which takes the destination's name after its digest has been verified and
// its bytes have reached the disk. Nothing that the package returns, logs or writes holds
// a query, a password or a header.
package fetch

import (
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/source"
)

// Defaults of a [Fetcher].
const (
	DefaultConnections  = source.DefaultConnections
	DefaultStallTimeout = engine.DefaultStallTimeout
	DefaultRetryMaxWait = engine.DefaultRetryMaxWait
	DefaultIdleTimeout  = engine.DefaultIdleTimeout
	DefaultHeaderWait   = source.DefaultHeaderWait
	DefaultMinRate      = engine.DefaultMinRate
)

// A File is one thing to fetch: a file, or all files of a directory.
type File struct {
	URL     *url.URL   // http, https, hf, s3, gs, az, oci or file
	Mirrors []*url.URL // others that have the same bytes, in the order to try

	// Dest is a path: with a trailing slash, or of an existing directory, the last
	// segment of the URL's path is added to it. "-" is [Fetcher.Stdout]. If the URL means a
	// directory, Dest is the directory that gets its files.
	Dest string

	Digest   Digest      // pinned; zero: none
	SumsURL  *url.URL    // of a file with digests as sha256sum writes them; of an http URL with a slash at its end, all files are fetched. nil: none
	Evidence Evidence    // the least to accept; zero: size
	Mode     fs.FileMode // permission bits; zero: 0644 less the umask
	Extract  bool        // Dest is a directory that gets what the archive holds
	Verify   bool        // hash an existing file even if the stored receipt matches

	// Which files of a directory are wanted: all those that match a pattern of Include, or all if there is none, less
	// those that match one of Exclude. In patterns, * and ? match slashes too, and a slash at the end means all
	// that is below.
	Include, Exclude []string

	// What becomes of a directory. These and the patterns are an error if URL means a file, unless it may.
	WriteSums bool // add a file SHA256SUMS, which is what later runs compare with, instead of asking the server
	Delete    bool // remove what else is in it
	HubCache  bool // Dest is the cache of Hugging Face's own programs, which gets what an hf URL means
	InPlace   bool // replace file after file, with the list of digests last, and keep the state in the directory
	MayBeFile bool // URL may mean a file as well

	// Sent to the origin of URL, for an hf URL that of the hub, and nowhere else. Read again
	// for each request.
	Headers      http.Header // of an http or https URL only
	HeaderFiles  []string    // of "Name: value" lines
	BearerFile   string      // of a token
	PasswordFile string      // for the user of the URL
}

// A Digest is the value of a hash function over a whole file. The zero Digest is none.
type Digest = source.Digest

// ParseDigest reads a digest to pin, such as "sha256:9f86…". Its errors do not quote it.
func ParseDigest(s string) (Digest, error) { return source.ParseDigest(s) }

// TLS is how servers are verified.
type TLS = source.TLS

// Hub is where files of hf URLs are.
type Hub = source.Hub

// S3 is where objects of s3 URLs are.
type S3 = source.S3

// OCI is how registries of oci URLs are reached.
type OCI = source.OCI

// AWS says where the credentials of AWS are looked for.
type AWS = source.AWS

// GCS is where objects of gs URLs are.
type GCS = source.GCS

// Google says where the credentials of Google Cloud are looked for.
type Google = source.Google

// Azure is where blobs of az URLs are.
type Azure = source.Azure

// Entra says where tokens of Microsoft Entra ID are looked for.
type Entra = source.Entra

// A Result says how a file was fetched.
type Result struct {
	Path     string // of the file, or of the directory of an archive; "" for Dest "-"
	Source   string // that gave the bytes, as it may be shown
	Size     int64  // bytes
	Fetched  int64  // bytes that came over the network in this run
	Resumed  int64  // bytes that an earlier run had fetched
	Cached   int64  // bytes that came from the cache
	Elapsed  time.Duration
	Retries  int
	Digest   Digest   // of the content; sha256 unless another was pinned
	Evidence Evidence // that the content was checked against
	Skipped  bool     // the file was up to date, or all files of the directory
	Files    int      // of a directory; zero: it is a file
	Commit   string   // of a directory in a repository, or the digest of its manifest; "": none is known
}

// A Status says how a transfer is going.
type Status struct {
	Phase       Phase
	Name        string // of the source, as it may be shown
	Size        int64  // bytes; -1: not known
	Done        int64  // bytes that are present, those of earlier runs included
	Fetched     int64  // bytes that came over the network in this run
	Connections int    // in use
	Retries     int
	Err         error // the last that led to a retry; nil: none
}

// A Phase is a part of a transfer's life.
type Phase int

// The phases, in their order.
const (
	Queued    Phase = iota
	Resolving       // asking what the URL means
	Locked          // another process fetches the same file: waiting for it
	Checking        // whether the destination is up to date
	Fetching
	Verifying  // all bytes are present, the rest of them is hashed
	Copying    // from the cache
	Extracting // an archive
	Syncing    // the bytes reach the disk
	Renaming   // the file or directory gets its name
	Recording  // the receipt, for later runs
	Done
)

// String returns a word for people.
func (p Phase) String() string {
	return [...]string{"queued", "asking what the URL means", "waiting for another process", "checking", "fetching", "verifying", "copying from the cache", "extracting", "syncing", "renaming", "writing the receipt", "done"}[p]
}
