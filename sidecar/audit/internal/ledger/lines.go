package ledger

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// eachLine gives the lines of a file to do, without their newline, which only the last one may lack. It reads gzip too.
func eachLine(path string, do func(number int, line []byte, whole bool) error) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r := bufio.NewReaderSize(f, 64<<10)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r = bufio.NewReaderSize(z, 64<<10)
	}
	for number := 1; ; number++ {
		line, err := readBounded(r)
		if len(line) > 0 {
			whole := line[len(line)-1] == '\n'
			if err := do(number, bytes.TrimSuffix(line, []byte("\n")), whole); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", path, number, err)
		}
	}
}

// readBounded reads to the next newline, at most maxLine.
func readBounded(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if len(line) > maxLine {
			return nil, errors.New("it is too long to be one of a log")
		}
	}
}
