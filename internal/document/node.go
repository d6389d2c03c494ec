package document

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/inith/inith/internal/diag"
)

// The limits of a file, besides its size in bytes. A parsed file takes up to a hundred times its size in memory.
const (
	maxValues  = 1_000_000 // keys and values
	maxCommas  = 200_000   // of YAML, whose parser takes a KiB for each value of a list in [ ], and of TOML
	maxMembers = 10_000    // of a TOML table, whose parser compares each key with all others
)

// node returns a new node. Nodes are allocated in blocks, which grow with the file.
func (r *reading) node(kind Kind, text string, at diag.Position) *Node {
	r.values++
	if len(r.spare) == 0 {
		r.spare = make([]Node, min(max(16, r.values), 1024))
	}
	n := &r.spare[0]
	r.spare = r.spare[1:]
	n.Kind, n.Text = kind, text
	n.moveTo(at)
	return n
}

func (n *Node) moveTo(at diag.Position) { n.line, n.column = int32(at.Line), int32(at.Column) } //nolint:gosec // files are smaller

// full reports whether the file has too many values, and adds a finding if so.
func (r *reading) full(at diag.Position) bool {
	if r.values <= maxValues {
		return false
	}
	r.add(at, ruleTooLarge, "the file has more than a million keys and values, too many to check", hintTooLarge)
	return true
}

const hintTooLarge = "check that this is a configuration file"

// tooDense reports whether the file has too many lists in brackets, and adds a finding if so. It counts commas before
// the file is parsed, because the parser itself would use too much memory.
func (r *reading) tooDense(hint string) bool {
	if bytes.Count(r.source.text, []byte(",")) <= maxCommas {
		return false
	}
	r.add(diag.Position{Line: 1, Column: 1}, ruleTooLarge, "the file has more than 200,000 commas: too many values to check", hint)
	return true
}

// maxMemory is what a TOML file may take, in bytes, while it is checked. Other formats are bounded by their size.
const maxMemory = 140 << 20

// needsTooMuch reports whether an estimate of memory is above the limit, or above that of the process, and adds a finding
// if so. Near its limit, the garbage collector would do nothing but collect.
func (r *reading) needsTooMuch(need int, limit int64) bool {
	limit = min(limit, debug.SetMemoryLimit(-1))
	if int64(need) <= limit {
		return false
	}
	r.add(diag.Position{Line: 1, Column: 1}, ruleTooLarge,
		fmt.Sprintf("the file needs about %d MiB of memory to check, the limit is %d MiB", need>>20, limit>>20), hintTooLarge)
	return true
}

// tooWide reports whether a TOML table has too many keys, and adds a finding if so.
func (t *tomlReader) tooWide() bool {
	if t.members <= maxMembers {
		return false
	}
	t.add(t.source.position(t.cursor), ruleTooLarge, "a table has more than 10,000 keys, too many to check", hintTooLarge)
	return true
}
