// Package audit is a proxy in front of an application of the same Pod. It passes requests and answers on untouched, and
// writes what happened to a log whose lines prove their order: see [Proxy] and [Verify].
//
// Secrets are removed before anything is written. A body that cannot be searched for secrets is recorded by its size and
// hash alone.
package audit

import (
	"log/slog"
	"time"
)

// Options are those of a [Proxy]. Only Listen, Upstream and Log.Path have no useful zero value.
type Options struct {
	Listen   string // address of the proxy
	Upstream string // host:port of the application

	Log    Log
	Record Recording
	Pod    Pod

	MaxConnections int           // beyond which 503 is the answer; zero: 1024
	HeaderTimeout  time.Duration // for the headers of a request; zero: 10s
	DialTimeout    time.Duration // for a connection to the application; zero: 10s
	MaxHeaderBytes int           // of a request; zero: 64 KiB
	CaptureMemory  int64         // bytes for the bodies of all exchanges; zero: 32 MiB

	Logger *slog.Logger // nil discards
}

// Log says where records go, and what is promised of them.
type Log struct {
	Path     string
	ChainKey []byte        // makes the chain of hashes an HMAC; nil for SHA-256
	Fsync    Fsync         // when records reach the disk; "" is [FsyncSecond]
	Policy   Policy        // what happens when records cannot be written; "" is [Open]
	Strict   bool          // a line for the request is on the disk before the application sees it; means Closed and FsyncEach
	MinFree  int64         // bytes that must stay free on the volume; zero: none
	Size     int64         // bytes after which a file is closed and compressed; zero: no limit
	Age      time.Duration // after which a file is closed and compressed; zero: no limit
	Keep     int           // closed files that are kept; zero: all
}

// Fsync says when records reach the disk. They reach the kernel at once.
type Fsync string

// When records reach the disk.
const (
	FsyncNever  Fsync = "never" // when the kernel likes
	FsyncSecond Fsync = "1s"    // within a second
	FsyncEach   Fsync = "each"  // before the exchange ends; exchanges that end together share one sync
)

// Policy says what happens when records cannot be written.
type Policy string

// What happens when records cannot be written.
const (
	Open   Policy = "open"   // requests are served, and the records that are lost are counted
	Closed Policy = "closed" // requests are answered with 503, before the application sees them
)

// Recording says what is recorded of an exchange.
type Recording struct {
	Level      Level    // without a rule that matches; "" is [Metadata]
	Rules      []Rule   // the first that matches decides
	BodyLimit  int64    // bytes that are recorded of a body; zero: 256 KiB
	Headers    []string // that are recorded besides the usual ones
	UserHeader string   // header that names the user; "" for none
	Secret     []string // names (api_key) or paths (user.*.name) of JSON fields that are secret besides the usual ones
}

// Pod identifies the Pod in the records. Empty fields are left out.
type Pod struct {
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Node      string `json:"node,omitempty"`
}
