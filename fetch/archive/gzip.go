package archive

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// A gunzipper reads all members of a gzip file. Zeros may follow the last one: tapes and
// other media of blocks are filled up with them, and gzip takes such files.
type gunzipper struct {
	from *bufio.Reader
	*gzip.Reader
}

func gunzip(r io.Reader) (io.ReadCloser, error) {
	from := bufio.NewReaderSize(r, bufferSize)
	z, err := gzip.NewReader(from)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gunzipper{from, z}, nil
}

func (g *gunzipper) Read(p []byte) (int, error) {
	for {
		n, err := g.Reader.Read(p)
		if n > 0 && errors.Is(err, io.EOF) {
			return n, nil // an error that comes with bytes may be ignored: the next call finds the end
		}
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the next member. It returns [io.EOF] behind the last one.
func (g *gunzipper) next() error {
	if b, err := g.from.Peek(1); err != nil || b[0] == 0 {
		return g.zeros()
	}
	if err := g.Reset(g.from); err != nil {
		return err
	}
	g.Multistream(false)
	return nil
}

// zeros reads the rest, which must be nothing but zeros.
func (g *gunzipper) zeros() error {
	for {
		b, err := g.from.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return fmt.Errorf("%w: something follows its end", ErrFormat)
		}
	}
}
