// Package fetch downloads files: verified, resumable, in parallel ranges.
//
// [Fetcher.Open] checks what is asked for, [Transfer.Run] does it. A destination
// is absent, the old file, or the whole new one, never a part: bytes go to a
// partial file beside it, whose journal survives any death of the process, and
// which takes the destination's name after its digest has been verified and its
// bytes have reached the disk. Nothing that it returns, logs or writes holds a
// query, a password or a header.
package fetch

import (
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"time"

	"github.com/inith/inith/internal/tlsconfig"
)

// Defaults of a [Fetcher].
const (
	DefaultConnections  = 16
	DefaultNoProgress   = 2 * time.Minute
	DefaultRetryMaxWait = 30 * time.Second
	DefaultStall        = 20 * time.Second
	DefaultHeaderWait   = 30 * time.Second
)

// A File is one thing to fetch.
type File struct {
	URL     *url.URL
	Mirrors []*url.URL // others that have the same bytes, in the order to try

	// Dest is a path: with a trailing slash, or of a folder that is there, the
	// last segment of the URL's path is added to it. "-" is [Fetcher.Stdout].
	Dest string

	Digest   Digest      // pinned; zero: none
	SumsURL  *url.URL    // of a file with digests as sha256sum writes them, nil: none
	Evidence Evidence    // the least to accept; zero: size
	Mode     fs.FileMode // permission bits; zero: 0644 less the umask
	Extract  bool        // Dest is a folder that gets what the archive holds
	Verify   bool        // hash a file that is there, even if its receipt vouches for it

	// Sent to the origin of URL and nowhere else, and read again for each request.
	HeaderFiles  []string // of "Name: value" lines
	BearerFile   string   // of a token
	PasswordFile string   // for the user of the URL
}

// A Fetcher fetches files. The zero value is ready to use. Its transfers share
// its connections. It must not be copied after first use.
type Fetcher struct {
	Connections  int           // the most to one host; zero: 16
	NoProgress   time.Duration // give up when no byte came for so long; zero: 2m, negative: never
	RetryMaxWait time.Duration // the longest pause between attempts, whatever a server asks for; zero: 30s
	Stall        time.Duration // a connection without a byte for so long is replaced; zero: 20s
	HeaderWait   time.Duration // a request without an answer for so long is given up; zero: 30s
	RateLimit    int64         // bytes per second over all connections; zero: none

	TLS   tlsconfig.TLS
	Proxy func(target *url.URL) (*url.URL, error) // nil: none

	MemoryLimit int64        // bytes that the cgroup allows; zero: no limit
	MemoryFree  int64        // bytes of these that nobody uses
	DiskLimit   int64        // bytes that may be written in all, where a quota is known; zero: none
	Stdout      io.Writer    // for Dest "-"
	Logger      *slog.Logger // nil: none

	shared
}

// A Result tells how a file was got.
type Result struct {
	Path     string // of the file, or of the folder of an archive; "" for Dest "-"
	Source   string // that gave the bytes, as it may be shown
	Size     int64  // bytes
	Fetched  int64  // bytes that came over the network in this run
	Resumed  int64  // bytes that an earlier run had got
	Elapsed  time.Duration
	Retries  int
	Digest   Digest   // of the content; sha256 unless another was pinned
	Evidence Evidence // that the content was checked against
	Skipped  bool     // the file was there already
}

// A Status is how a transfer is going.
type Status struct {
	Phase       Phase
	Name        string // of the source, as it may be shown
	Size        int64  // bytes; -1: not known
	Done        int64  // bytes that are there, those of earlier runs included
	Fetched     int64  // bytes that came over the network in this run
	Connections int    // in use
	Retries     int
	Err         error // the last that led to a retry; nil: none
}

// A Phase is a part of a transfer's life.
type Phase int

// The phases, in their order.
const (
	Queued   Phase = iota
	Locked         // another process fetches the same file: waiting for it
	Checking       // what is there already
	Fetching
	Verifying  // all bytes are there, the rest of them is hashed
	Extracting // an archive
	Syncing    // the bytes reach the disk
	Renaming   // the file or folder gets its name
	Recording  // the receipt, for later runs
	Done
)

// String returns a word for people.
func (p Phase) String() string {
	return [...]string{"queued", "waiting for another process", "checking", "fetching", "verifying", "extracting", "syncing", "renaming", "writing the receipt", "done"}[p]
}
