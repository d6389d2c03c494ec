package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
)

// A chain is what the next line follows.
type chain struct {
	seq  int64  // of the last line; zero before the first
	hash string // of the last line, in hexadecimal
}

// origin is what the first line follows.
func origin() chain { return chain{hash: noHash} }

const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

// hashField stands before the hash of a line, and endOfLine after it.
const (
	hashField = `,"hash":"`
	endOfLine = `"}`
	tailSize  = len(hashField) + 2*sha256.Size + len(endOfLine)
)

// next adds the line for an object, such as {"a":1}, to lines. It returns them, and the chain after it.
func (c chain) next(lines, object, key []byte) ([]byte, chain) {
	c.seq++
	line := append(lines, `{"v":`...)
	line = strconv.AppendInt(line, Version, 10)
	line = append(line, `,"seq":`...)
	line = strconv.AppendInt(line, c.seq, 10)
	if fields := bytes.TrimSuffix(object[1:], []byte("}")); len(fields) > 0 {
		line = append(line, ',')
		line = append(line, fields...)
	}
	line = append(line, `,"prev":"`...)
	line = append(line, c.hash...)
	line = append(line, '"')
	c.hash = digest(line[len(lines):], key)
	line = append(line, hashField...)
	line = append(line, c.hash...)
	return append(line, endOfLine+"\n"...), c
}

func digest(content, key []byte) string {
	if key == nil {
		sum := sha256.Sum256(content)
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}

// A head is what the chain needs to know of a line.
type head struct {
	Version int    `json:"v"`
	Seq     int64  `json:"seq"`
	Event   string `json:"event"`
	Time    string `json:"time"`
	Count   int64  `json:"count"`
	Prev    string `json:"prev"`
	Torn    *torn  `json:"torn"`

	hash string
}

// torn describes what a process that was killed has left of a line.
type torn struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func tornOf(rest []byte) *torn {
	if len(rest) == 0 {
		return nil
	}
	return &torn{int64(len(rest)), digest(rest, nil)}
}

func (t *torn) is(line []byte) bool {
	return t != nil && t.Bytes == int64(len(line)) && t.SHA256 == digest(line, nil)
}

// The reasons why a line is not one of a chain.
var (
	errShape   = errors.New("it is not a line of a log")
	errVersion = errors.New("it has another version of the format")
	errHash    = errors.New("its hash does not match its content: it was changed, or the key is another one")
)

// readHead reads a line without its newline. It does not check the hash.
func readHead(line []byte) (head, error) {
	var h head
	at := len(line) - tailSize
	if at < 1 || string(line[at:at+len(hashField)]) != hashField || string(line[len(line)-len(endOfLine):]) != endOfLine {
		return h, errShape
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, errShape
	}
	if h.Version != Version {
		return h, errVersion
	}
	h.hash = string(line[at+len(hashField) : len(line)-len(endOfLine)])
	return h, nil
}

// readLine is readHead with a check of the hash.
func readLine(line, key []byte) (head, error) {
	h, err := readHead(line)
	if err != nil {
		return h, err
	}
	if !hmac.Equal([]byte(digest(line[:len(line)-tailSize], key)), []byte(h.hash)) {
		return h, errHash
	}
	return h, nil
}

// follows reports whether a line is the next one of a chain.
func (h head) follows(c chain) bool { return h.Seq == c.seq+1 && h.Prev == c.hash }
