package audit

import (
	"errors"
	"fmt"

	"github.com/inith/inith/sidecar/audit/internal/ledger"
)

// A Report is what a log that verifies holds.
type Report struct {
	Files       int
	Records     int64 // lines
	First, Last int64 // sequence numbers
	Torn        int   // lines that a killed process has left incomplete
	Lost        int64 // records that could not be written, as the log itself reports
	Closed      bool  // the proxy has ended in an orderly way
}

// A ChainError says which line of a log is the first that does not follow from the one before.
type ChainError struct {
	File   string
	Line   int
	Reason string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("%s: line %d: %s", e.File, e.Line, e.Reason)
}

// Verify checks the sequence numbers and the chain of hashes over the files of a log, in whatever order they are given,
// compressed or not. The error for a line that is wrong is a [*ChainError]. The key is that of [Log.ChainKey].
func Verify(paths []string, key []byte) (Report, error) {
	r, err := ledger.Verify(paths, key)
	report := Report{Files: r.Files, Records: r.Lines, First: r.First, Last: r.Last, Torn: r.Torn, Lost: r.Lost, Closed: r.Closed}
	if e, ok := errors.AsType[*ledger.ChainError](err); ok {
		return report, &ChainError{e.File, e.Line, e.Reason}
	}
	return report, err
}
