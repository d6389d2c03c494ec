// Package logs follows the log files of an application of the same Pod and sends their lines to a receiver of Fluent's
// Forward protocol. See [Collector].
//
// The files are the buffer: only what the receiver takes is read, and the position that is kept is that of the last line
// that it has acknowledged. Nothing is lost while the receiver is away, nor when the collector is killed.
package logs

import (
	"log/slog"
	"time"
)

// Options are those of a [Collector].
type Options struct {
	Inputs  []Input
	Outputs []Output

	// State is the directory of the positions; "" is .inith in the directory of the first pattern of each input.
	State      string
	Flush      time.Duration // for which lines are gathered; zero: 1s
	RotateWait time.Duration // for which a renamed or deleted file must not grow until it is closed; zero: 5s
	Linger     time.Duration // for which files are followed after a signal; zero: until they stop growing
	HeldBytes  int64         // undelivered bytes of deleted files that are kept; zero: 256 MiB
	HeldFiles  int           // renamed and deleted files that an input keeps open; zero: 1024

	Logger *slog.Logger // nil discards
}

// An Input is files whose lines are read the same way.
type Input struct {
	Paths   []string // patterns, see docs/logs.md
	Exclude []string // patterns of paths that are left out; a relative one is about the end of the path
	Across  bool     // * in Exclude stands for slashes too, as in Fluent Bit
	Tag     string   // of the records; * in it stands for the path, with dots
	FromEnd bool     // at the first start, files are read from their end
	Outside bool     // symbolic links may lead out of the directory of their pattern

	Key       string // name of the line in the record; "" is log
	LineLimit int    // bytes; zero: 1 MiB
	LongLines string // split (or ""), cut, skip
	Multiline string // python, java, go or a regular expression of the first line; "": each line is a record
	Parse     string // json or a regular expression with named groups; "": the line is one field
	TimeKey   string // field of a parsed line that is the time of the record; "" is the time of reading
	TimeForm  string // rfc3339 (or ""), unix, unix-ms or a format of strptime(3)
	TimeKeep  bool   // the field stays in the record
	Fields    []Field
	PathKey   string // field with the path of the file; "" for none
	OffsetKey string // field with the offset of the line; "" for none
}

// A Field is added to each record.
type Field struct {
	Name, Value string
	In          string // name of a map that holds it; "" for the record itself
}

// A Kind is where an [Output] delivers records.
type Kind string

// The kinds of outputs.
const (
	Forward Kind = "forward" // a receiver of the Forward protocol
	Stdout  Kind = "stdout"  // lines of JSON
	File    Kind = "file"    // lines of JSON
	Null    Kind = "null"    // nowhere
)

// An Output is where records go. If a record goes to several, it is delivered when all have it.
type Output struct {
	Kind  Kind
	Match string // pattern of the tags; "" is *

	// Of forward:
	Addresses    []string // host:port, in the order of preference
	TLS          *TLS     // nil for none
	NoAck        bool     // do not wait for acknowledgements: what a broken connection held is lost
	Gzip         bool
	Timeout      time.Duration // for a connection and for an acknowledgement; zero: 30s
	HostName     string        // our name in the handshake
	SharedKey    func() (string, error)
	User         string
	UserPassword func() (string, error)

	Path string // of file
}

// TLS says whom to trust and who we are. The zero value trusts the system's certificate authorities, or in an image without
// any, Mozilla's. The files are read at each connection.
type TLS struct {
	CAFile     string // PEM; instead of the system's
	CertFile   string // PEM; our certificate and its chain
	KeyFile    string // PEM; the key of CertFile
	ServerName string // the name to verify; "" is the host
	SkipVerify bool   // accept any certificate
}
