package diag

import (
	"cmp"
	"fmt"
	"strconv"
)

// A Position is where something stands in a file. A zero field is unknown. A column without a line is one of a string
// that is no file, such as an assertion.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns FILE:LINE:COLUMN, as far as it is known, or "column COLUMN".
func (p Position) String() string {
	var within string
	switch {
	case p.Line == 0 && p.Column == 0:
		return p.File
	case p.Line == 0:
		within = fmt.Sprintf("column %d", p.Column)
	case p.Column == 0:
		within = strconv.Itoa(p.Line)
	default:
		within = fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	if p.File == "" {
		return within
	}
	return p.File + ":" + within
}

// Compare orders positions by file, line and column.
func (p Position) Compare(other Position) int {
	return cmp.Or(
		cmp.Compare(p.File, other.File),
		cmp.Compare(p.Line, other.Line),
		cmp.Compare(p.Column, other.Column),
	)
}
