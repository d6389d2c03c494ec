package fetch

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
)

// A journal says what of a partial file is there. It is a text file of lines,
// each with a checksum of its own, so that a line which was cut by the death of
// the process, or changed, is told from a good one:
//
//	object {"size":…}     what the bytes are of: the first line
//	have 17 9ae0daaf      unit 17 is in the file, with this CRC-32C
//	hash 268435456 03…    the state of the hash function after so many bytes
//
// It is written when the bytes are in the page cache, not on the disk: the units
// of earlier runs are checked before they count.
type journal struct {
	mu sync.Mutex
	f  *os.File
}

// An object identifies the bytes of a partial file.
type object struct {
	Version int      `json:"version"`
	Source  string   `json:"source"` // a hash of the URL without its query
	Size    int64    `json:"size"`
	Tag     string   `json:"tag"`
	Digest  string   `json:"digest"` // wanted; "" if none is known
	Server  []Digest `json:"server,omitempty"`
}

// A record is what a journal says.
type record struct {
	object
	part  string           // path of the partial file
	units map[int64]uint32 // CRC-32C of each unit that is there
	state []byte           // of the hash function, after the first hashed bytes
	first int64            // bytes that state is of
}

const journalVersion = 1

// readJournal returns what the good lines of a journal say.
func readJournal(path string) (*record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r := &record{units: map[int64]uint32{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<10)
	for n := 0; lines.Scan(); n++ {
		kind, rest, ok := checkedLine(lines.Bytes())
		switch {
		case n == 0 && (!ok || kind != "object" || json.Unmarshal([]byte(rest), &r.object) != nil || r.Version != journalVersion):
			return nil, errors.New("not a journal of this version")
		case ok && kind == "have":
			r.addUnit(rest)
		case ok && kind == "hash":
			r.addState(rest)
		}
	}
	if r.Version == 0 {
		return nil, errors.New("empty journal")
	}
	return r, lines.Err()
}

func (r *record) addUnit(line string) {
	number, sum, _ := strings.Cut(line, " ")
	u, err1 := strconv.ParseInt(number, 10, 64)
	crc, err2 := strconv.ParseUint(sum, 16, 32)
	if err1 == nil && err2 == nil && u >= 0 && u <= (r.Size-1)/unit {
		r.units[u] = uint32(crc)
	}
}

func (r *record) addState(line string) {
	bytesBefore, text, _ := strings.Cut(line, " ")
	n, err1 := strconv.ParseInt(bytesBefore, 10, 64)
	state, err2 := hex.DecodeString(text)
	if err1 == nil && err2 == nil && len(state) > 0 && n >= r.first && n <= r.Size && n%unit == 0 {
		r.first, r.state = n, state
	}
}

// have returns the bytes of the units.
func (r *record) have() spans {
	var all spans
	for u := range r.units {
		all = all.add(Span{u * unit, min(u*unit+unit, r.Size)})
	}
	return all
}

// keepPrefix forgets the units behind the first that is missing.
func (r *record) keepPrefix() {
	end := r.have().prefix()
	maps.DeleteFunc(r.units, func(u int64, _ uint32) bool { return u*unit >= end })
}

// checkedLine splits a line, if its checksum is right.
func checkedLine(line []byte) (kind, rest string, ok bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	sum, err := strconv.ParseUint(string(line[i+1:]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line[:i], castagnoli()) {
		return "", "", false
	}
	kind, rest, ok = strings.Cut(string(line[:i]), " ")
	return kind, rest, ok
}

// createJournal begins a journal, or goes on with the one that is there.
func createJournal(path string, o object, goOn bool) (*journal, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !goOn {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o644) //nolint:gosec // another user may resume
	if err != nil {
		return nil, err
	}
	j := &journal{f: f}
	if goOn {
		_, err = f.WriteString("\n") // the last line may be half
	} else {
		header, _ := json.Marshal(o)
		err = j.add("object " + string(header))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) addUnit(u int64, crc uint32) error {
	return j.add(fmt.Sprintf("have %d %08x", u, crc))
}

func (j *journal) addState(n int64, state []byte) error {
	return j.add(fmt.Sprintf("hash %d %x", n, state))
}

// add writes a line at once: a line that waited in memory would die with the
// process.
func (j *journal) add(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := fmt.Fprintf(j.f, "%s %08x\n", line, crc32.Checksum([]byte(line), castagnoli()))
	return err
}

func (j *journal) close() { _ = j.f.Close() }
