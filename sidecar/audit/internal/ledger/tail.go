package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// maxLine is the size of a line that is read at most. Bodies are bounded far below.
const maxLine = 64 << 20

// A tail is where a file ends.
type tail struct {
	last  head // of the last complete line
	valid bool // there is one, and it can be read
	first head // of the first line, if that can be read
	size  int64
	torn  *torn // what follows the last newline
	open  bool  // the last line is complete but for its newline
}

// readTail reads the end of a file that may have been cut anywhere.
func readTail(f *os.File) (tail, error) {
	var t tail
	info, err := f.Stat()
	if err != nil {
		return t, err
	}
	t.size = info.Size()
	end, err := lastNewline(f, t.size)
	if err != nil {
		return t, err
	}
	if t.size-end > maxLine {
		return t, errors.New("its last line is too long to be one of a log")
	}
	rest := make([]byte, t.size-end)
	if _, err := f.ReadAt(rest, end); err != nil && !errors.Is(err, io.EOF) {
		return t, err
	}
	if t.last, err = readHead(rest); err == nil {
		t.valid, t.open = true, true
		return t, t.readFirst(f)
	}
	t.torn = tornOf(rest)
	if end == 0 {
		return t, nil
	}
	begin, err := lastNewline(f, end-1)
	if err != nil || end-begin > maxLine {
		return t, err
	}
	line := make([]byte, end-1-begin)
	if _, err := f.ReadAt(line, begin); err != nil && !errors.Is(err, io.EOF) {
		return t, err
	}
	t.last, err = readHead(line)
	t.valid = err == nil
	return t, t.readFirst(f)
}

// readFirst reads the first line. One that cannot be read is none.
func (t *tail) readFirst(f io.ReaderAt) error {
	first, err := bufio.NewReader(io.NewSectionReader(f, 0, maxLine)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t.first, _ = readHead(bytes.TrimSuffix(first, []byte("\n")))
	return nil
}

// lastNewline returns the offset after the last newline before size, zero if there is none.
func lastNewline(f io.ReaderAt, size int64) (int64, error) {
	const chunk = 64 << 10
	buf := make([]byte, chunk)
	for end := size; end > 0; {
		begin := max(0, end-chunk)
		n, err := f.ReadAt(buf[:end-begin], begin)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	return 0, nil
}

// chain returns what the next line follows.
func (t tail) chain() chain {
	if !t.valid {
		return origin()
	}
	return chain{t.last.Seq, t.last.hash}
}
