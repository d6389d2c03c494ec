package store

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/inith/inith/fetch/internal/span"
)

// Piece is how many bytes a line of the journal stands for.
const Piece = 1 << 20

// A journal says what of a partial file is there. It is a text file of lines, each
// with a checksum of its own, so that a line which was cut by the death of the process,
// or changed, is told from a good one:
//
//	content {"size":…}    what the bytes are of: the first line
//	have 17 9ae0daaf      piece 17 is in the file, with this CRC-32C
//	hash 268435456 03…    the state of the hash function after so many bytes
//	closed {"inode":…}    the file as its process left it: the last line, or it does not count
//
// It is written when the bytes are in the page cache, not on the disk: the pieces of
// earlier runs are checked before they count. A state of the hash counts only for the
// file that the last line is of.
type journal struct {
	mu   sync.Mutex
	f    *os.File
	name string
}

// A Content identifies the bytes of a partial file.
type Content struct {
	Version   int      `json:"version"`
	Source    string   `json:"source"` // the [ID] of the URL without its query
	Size      int64    `json:"size"`
	Validator string   `json:"validator"`
	Digest    string   `json:"digest"` // wanted; "" if none is known
	Server    []string `json:"server,omitempty"`
}

// A Record is what a journal says.
type Record struct {
	Content
	Pieces map[int64]uint32 // CRC-32C of each piece that is there
	State  []byte           // of the hash function, after the first Hashed bytes; nil: none
	Hashed int64

	part   string   // name of the partial file
	closed Identity // the file as its process left it; zero: it was killed
}

// readJournal returns what the good lines of a journal say.
func readJournal(r io.Reader) (*Record, error) {
	record := &Record{Pieces: map[int64]uint32{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	for n := 0; lines.Scan(); n++ {
		kind, rest, ok := checkedLine(lines.Bytes())
		if n == 0 {
			if !ok || kind != "content" || json.Unmarshal([]byte(rest), &record.Content) != nil || record.Version != stateVersion {
				return nil, errors.New("not a journal of this version")
			}
			continue
		}
		record.closed = Identity{} // what follows was written later
		if ok {
			record.add(kind, rest)
		}
	}
	if record.Version == 0 {
		return nil, errors.New("empty journal")
	}
	return record, lines.Err()
}

func (r *Record) add(kind, rest string) {
	switch kind {
	case "have":
		r.addPiece(rest)
	case "hash":
		r.addState(rest)
	case "closed":
		if json.Unmarshal([]byte(rest), &r.closed) != nil {
			r.closed = Identity{}
		}
	}
}

func (r *Record) addPiece(line string) {
	number, sum, _ := strings.Cut(line, " ")
	piece, err1 := strconv.ParseInt(number, 10, 64)
	crc, err2 := strconv.ParseUint(sum, 16, 32)
	if err1 == nil && err2 == nil && piece >= 0 && piece <= (r.Size-1)/Piece {
		r.Pieces[piece] = uint32(crc)
	}
}

func (r *Record) addState(line string) {
	number, value, _ := strings.Cut(line, " ")
	n, err1 := strconv.ParseInt(number, 10, 64)
	state, err2 := hex.DecodeString(value)
	if err1 == nil && err2 == nil && len(state) > 0 && n >= r.Hashed && n <= r.Size && n%Piece == 0 {
		r.Hashed, r.State = n, state
	}
}

// Have returns the bytes of the pieces.
func (r *Record) Have() span.Set {
	var all span.Set
	for piece := range r.Pieces {
		all = all.Add(span.Span{Start: piece * Piece, End: min(piece*Piece+Piece, r.Size)})
	}
	return all
}

// KeepPrefix forgets the pieces behind the first that is missing.
func (r *Record) KeepPrefix() {
	end := r.Have().Prefix()
	maps.DeleteFunc(r.Pieces, func(piece int64, _ uint32) bool { return piece*Piece >= end })
}

// checkedLine splits a line, if its checksum is right.
func checkedLine(line []byte) (kind, rest string, ok bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	sum, err := strconv.ParseUint(string(line[i+1:]), 16, 32)
	if err != nil || uint32(sum) != Checksum(line[:i]) {
		return "", "", false
	}
	kind, rest, ok = strings.Cut(string(line[:i]), " ")
	return kind, rest, ok
}

// Checksum returns the CRC-32C that the journal has of a piece.
func Checksum(b []byte) uint32 { return UpdateChecksum(0, b) }

// UpdateChecksum adds bytes to a [Checksum].
func UpdateChecksum(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}

// newJournal begins a journal, or continues the one in f.
func newJournal(f *os.File, name string, c Content, resumed bool) (*journal, error) {
	j := &journal{f: f, name: name}
	if resumed {
		_, err := f.WriteString("\n") // the last line may be half
		return j, err
	}
	c.Version = stateVersion
	return j, j.addJSON("content", c)
}

func (j *journal) addPiece(piece int64, crc uint32) error {
	return j.add(fmt.Sprintf("have %d %08x", piece, crc))
}

func (j *journal) addState(n int64, state []byte) error {
	return j.add(fmt.Sprintf("hash %d %x", n, state))
}

func (j *journal) addJSON(kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return j.add(kind + " " + string(b))
}

// add writes a line at once: a line that waited in memory would die with the process.
func (j *journal) add(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.f.Write(checksummed([]byte(line)))
	return err
}

// checksummed adds the checksum of a line, which [checkedLine] checks.
func checksummed(line []byte) []byte { return fmt.Appendf(line, " %08x\n", Checksum(line)) }

func (j *journal) close() { _ = j.f.Close() }
