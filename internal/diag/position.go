package diag

import (
	"cmp"
	"fmt"
)

// A Position is where something stands in a file. A zero field is unknown, and so are those after it.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns FILE:LINE:COLUMN, as far as it is known.
func (p Position) String() string {
	text := p.File
	if p.Line == 0 {
		return text
	}
	if text != "" {
		text += ":"
	}
	if p.Column == 0 {
		return fmt.Sprintf("%s%d", text, p.Line)
	}
	return fmt.Sprintf("%s%d:%d", text, p.Line, p.Column)
}

// Compare orders positions by file, line and column.
func (p Position) Compare(other Position) int {
	return cmp.Or(
		cmp.Compare(p.File, other.File),
		cmp.Compare(p.Line, other.Line),
		cmp.Compare(p.Column, other.Column),
	)
}
