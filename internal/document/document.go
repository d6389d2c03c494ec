// Package document reads configuration files (YAML, JSON, JSONC, TOML, dotenv) into one tree, in which every value
// has its position. It also finds what a parser accepts silently: duplicate keys, unrendered templates, values that
// another parser reads differently.
//
// Files may hold secrets: no [diag.Error] quotes a value. Its code is one of [Rules].
package document

import "github.com/inith/inith/internal/diag"

// A Kind is the type of a value.
type Kind uint8

// The kinds of values. A date of YAML or TOML is a String.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Sequence
	Mapping
)

// A Node is a value. The order of the fields avoids padding, because a file may have a million nodes.
type Node struct {
	Kind    Kind
	Untyped bool // a string of a dotenv file, which has no other type

	line, column int32 // of the first character; see Position

	Text string // of a scalar: a string's content, else what the file says; never for a message

	Items   []*Node  // of a Sequence
	Members []Member // of a Mapping, in the order of the file
}

// A Member is a key of a mapping and its value. A key that is not a string has the text of the file.
type Member struct{ Key, Value *Node }

// Inherited reports whether n is the value of a name that stands alone in a dotenv file. The name may be a misplaced
// secret, so that messages do not show it.
func (n *Node) Inherited() bool { return n.Untyped && n.Kind == Null }

// Position returns where the value begins. The column counts characters, not bytes.
func (n *Node) Position() diag.Position {
	return diag.Position{Line: int(n.line), Column: int(n.column)}
}
