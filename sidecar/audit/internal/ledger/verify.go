package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
)

// A ChainError says which line is the first that does not follow from the one before.
type ChainError struct {
	File   string
	Line   int
	Reason string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("%s: line %d: %s", e.File, e.Line, e.Reason)
}

// A Report is what a log that verifies holds.
type Report struct {
	Files       int
	Lines       int64
	First, Last int64 // sequence numbers
	Torn        int   // lines that a killed process has left incomplete
	Lost        int64 // lines that could not be written, as the log itself reports
	Closed      bool  // the last line is that of an orderly end
}

// Verify reads the files of a log, in the order of their sequence numbers, and returns a [*ChainError] for the first line
// that is wrong. A log may begin with any number: older files may be kept elsewhere.
func Verify(paths []string, key []byte) (Report, error) {
	files, err := inOrder(paths)
	if err != nil {
		return Report{}, err
	}
	v := verifier{key: key}
	for i, f := range files {
		v.file, v.lastFile = f.path, i == len(files)-1
		if err := eachLine(f.path, v.line); err != nil {
			return v.report, err
		}
		v.report.Files++
	}
	if v.pending != nil {
		return v.report, v.pending
	}
	if v.report.Lines == 0 {
		return v.report, &ChainError{files[0].path, 1, "the log has no line"}
	}
	return v.report, nil
}

// A start is the first sequence number of a file, and the hash of that line.
type start struct {
	path, hash string
	seq        int64
}

// inOrder sorts files. Of a file and its compressed copy it keeps one.
func inOrder(paths []string) ([]start, error) {
	var all []start
	for _, path := range paths {
		s := start{path: path}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s: it is a directory", path)
		}
		err = eachLine(path, func(_ int, line []byte, _ bool) error {
			if h, err := readHead(line); err == nil && s.seq == 0 {
				s.seq, s.hash = h.Seq, h.hash
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough { //nolint:errorlint // eachLine returns it as it is
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b start) int { return cmp.Compare(a.seq, b.seq) })
	return slices.CompactFunc(all, func(a, b start) bool { return a.hash != "" && a.hash == b.hash }), nil
}

var errEnough = fmt.Errorf("enough")

// A verifier follows the chain over files.
type verifier struct {
	key      []byte
	file     string
	lastFile bool
	chain    chain
	begun    bool
	report   Report
	pending  *ChainError // a line that is wrong, unless the next one says that it is torn
	rest     []byte      // that line
}

// line checks one line.
func (v *verifier) line(number int, line []byte, whole bool) error {
	h, err := readLine(line, v.key)
	if v.pending != nil {
		if err != nil || !h.Torn.is(v.rest) || h.Event != "start" && h.Event != "reopen" {
			return v.pending
		}
		v.pending, v.rest = nil, nil
		v.report.Torn++
	}
	if err == nil && !whole && !v.lastFile {
		err = errShape
	}
	if err != nil {
		v.pending, v.rest = &ChainError{v.file, number, err.Error()}, slices.Clone(line)
		// Nothing has been written after it: a process was killed, or writes it now. One that is complete was changed.
		if !whole && v.lastFile && errors.Is(err, errShape) {
			v.pending = nil
			v.report.Torn++
		}
		return nil
	}
	if reason := v.breaks(h); reason != "" {
		return &ChainError{v.file, number, reason}
	}
	v.take(h)
	return nil
}

// breaks says why a line does not follow, "" if it does.
func (v *verifier) breaks(h head) string {
	switch {
	case !v.begun && h.Seq == 1 && h.Prev != noHash:
		return "it is numbered 1, but follows another line"
	case !v.begun || h.follows(v.chain):
		return ""
	case h.Seq != v.chain.seq+1:
		return fmt.Sprintf("its sequence number is %d, want %d: lines are missing or out of order", h.Seq, v.chain.seq+1)
	}
	return "it does not contain the hash of the line before: that line was replaced"
}

func (v *verifier) take(h head) {
	if !v.begun {
		v.begun, v.report.First = true, h.Seq
	}
	v.chain = chain{h.Seq, h.hash}
	v.report.Lines++
	v.report.Last = h.Seq
	v.report.Closed = h.Event == "stop"
	if h.Event == "lost" {
		v.report.Lost += h.Count
	}
}
