// Package ledger writes lines that prove their order. Each line is a JSON object with its sequence number, the hash of the
// line before it, and its own hash: [Verify] finds a line that was changed, removed or inserted, over all files of a log.
//
// A line is "{"v":1,"seq":N,...,"prev":"HASH","hash":"HASH"}". Its hash covers its bytes up to the comma before "hash":
// SHA-256, or HMAC-SHA-256 with a key, without which nobody can make a chain that verifies.
package ledger

import (
	"log/slog"
	"time"
)

// Version is the version of the format, the field "v" of each line.
const Version = 1

// Sync says when lines reach the disk, in addition to the kernel.
type Sync string

// When lines reach the disk.
const (
	SyncNever  Sync = "never" // when the kernel likes
	SyncSecond Sync = "1s"    // within a second
	SyncEach   Sync = "each"  // before Append returns to who waits; lines that arrive together share one sync
)

// Options are those of a [Writer].
type Options struct {
	Path    string
	Key     []byte // of the HMAC; nil for SHA-256
	Sync    Sync
	MinFree int64 // bytes that must stay free on the volume; zero: none
	// Block makes Append wait while the queue is full, as it is when the disk hangs. Otherwise such lines are lost and
	// counted.
	Block bool

	RotateSize int64         // bytes after which a file is closed; zero: no limit
	RotateAge  time.Duration // after which a file is closed; zero: no limit
	Keep       int           // closed files that are kept; zero: all

	Start  map[string]any // fields of the line that a start writes
	Logger *slog.Logger   // nil discards
}

// Stats count what a writer has done.
type Stats struct {
	Written  int64 // lines
	Lost     int64 // lines that could not be written
	Errors   int64 // failed writes and syncs
	Reopened int64 // times that the file was missing or replaced
	Rotated  int64 // files that were closed
	Bytes    int64
}

func (o *Options) log() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
