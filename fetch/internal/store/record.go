package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
)

const directoryRecordSuffix = ".record"

// A DirectoryRecord says what was fetched to a directory, so that a second run need not ask for it.
type DirectoryRecord struct {
	Version   int    `json:"version"`
	Source    string `json:"source"`              // the [ID] of the URL without its query
	Revision  string `json:"revision,omitempty"`  // of all that the URL means, such as a commit; "": none is known
	Selection string `json:"selection,omitempty"` // what identifies the files that were wanted, and how
	Boot      string `json:"boot,omitempty"`      // of the system: after another one, not all bytes need to be on the disk; "": they are

	Sums Identity `json:"sums"` // of the list of digests; the zero Identity: there is none

	Files map[string]*FileRecord `json:"-"`             // by path
	Links map[string]string      `json:"-"`             // by path, where a link leads to; nil: there are none
	Ref   string                 `json:"ref,omitempty"` // the path of the file that names the revision; "": there is none
}

// A FileRecord says what a file of a directory is.
type FileRecord struct {
	Path      string   `json:"path"`
	Digest    string   `json:"digest"`           // sha256
	Server    []string `json:"server,omitempty"` // the digests that the server has of it
	Validator string   `json:"validator,omitempty"`
	Evidence  string   `json:"evidence"`
	File      Identity `json:"file"`
}

// DirectoryRecord returns the record of the destination. It counts only where nobody else can have
// written it; else there is none, as where none was written.
func (d *Destination) DirectoryRecord() *DirectoryRecord {
	if d.own == nil || !d.safe {
		return nil
	}
	f, err := d.own.openOwn(d.state+directoryRecordSuffix, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	r, err := readDirectoryRecord(f)
	if err != nil {
		return nil
	}
	return r
}

// WriteDirectoryRecord writes the record of the destination.
func (d *Destination) WriteDirectoryRecord(r *DirectoryRecord) error {
	if d.own == nil {
		return refused("write the record of", errGone)
	}
	pending := d.state + directoryRecordSuffix + ".new"
	err := d.own.rewrite(pending, 0o600, func(f *os.File) error { return r.write(f) })
	if err == nil {
		err = d.own.rename(pending, d.own, d.state+directoryRecordSuffix)
	}
	if err != nil {
		return refused("write the record of", err)
	}
	return nil
}

func (r *DirectoryRecord) write(f io.Writer) error {
	r.Version = stateVersion
	w := bufio.NewWriter(f)
	lines := lineWriter{w}
	err := lines.add("directory", r)
	for _, file := range r.Files {
		err = errors.Join(err, lines.add("file", file))
	}
	for name, target := range r.Links {
		err = errors.Join(err, lines.add("link", [2]string{name, target}))
	}
	return errors.Join(err, w.Flush())
}

// readDirectoryRecord returns what the good lines say.
func readDirectoryRecord(f io.Reader) (*DirectoryRecord, error) {
	const longest = 64 << 10
	r := &DirectoryRecord{Files: map[string]*FileRecord{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longest)
	for n := 0; lines.Scan(); n++ {
		kind, rest, ok := checkedLine(lines.Bytes())
		if n == 0 {
			if !ok || kind != "directory" || json.Unmarshal([]byte(rest), r) != nil || r.Version != stateVersion {
				return nil, errors.New("not a record of this version")
			}
			continue
		}
		if ok {
			r.add(kind, []byte(rest))
		}
	}
	if r.Version == 0 {
		return nil, errors.New("empty record")
	}
	return r, lines.Err()
}

func (r *DirectoryRecord) add(kind string, line []byte) {
	var file FileRecord
	var link [2]string
	switch {
	case kind == "file" && json.Unmarshal(line, &file) == nil:
		r.Files[file.Path] = &file
	case kind == "link" && json.Unmarshal(line, &link) == nil:
		if r.Links == nil {
			r.Links = map[string]string{}
		}
		r.Links[link[0]] = link[1]
	}
}

// A lineWriter writes the lines of a record, each with its checksum.
type lineWriter struct{ w io.Writer }

func (l lineWriter) add(kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = l.w.Write(checksummed(bytes.Join([][]byte{[]byte(kind), b}, []byte(" "))))
	return err
}
