package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// blockSize is what all of a tar archive is made of.
const blockSize = 512

// An opener opens what is compressed.
type opener func(io.Reader) (io.ReadCloser, error)

// untar returns what extracts a tar archive that open decompresses.
func untar(open opener) func(context.Context, *io.SectionReader, *tree) error {
	return func(ctx context.Context, file *io.SectionReader, t *tree) error {
		return walk(ctx, file, open, t.unpacked, func(h *tar.Header, content io.Reader) error { return untarEntry(ctx, h, content, t) })
	}
}

// walk calls visit for each entry of a tar archive that open decompresses, which may be as long as unpacked.
func walk(ctx context.Context, file io.Reader, open opener, unpacked int64, visit func(h *tar.Header, content io.Reader) error) error {
	r, err := open(file)
	if err != nil {
		return damaged(err)
	}
	err = walkStream(&stream{r: bound(ctx, r), limit: unpacked}, visit)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return err
}

func walkStream(s *stream, visit func(h *tar.Header, content io.Reader) error) error {
	tr := tar.NewReader(s)
	for {
		last := (s.read + blockSize - 1) / blockSize * blockSize
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return s.end(last)
		}
		if err != nil {
			return bare(damaged(err))
		}
		if err := visit(h, tr); err != nil {
			return within(h.Name, err)
		}
	}
}

// Types of GNU's tar that have no name in archive/tar.
const (
	typeDumpDir     = 'D' // a directory, in an incremental archive: its content says what was in it
	typeVolumeLabel = 'V' // the name of the archive
)

func untarEntry(ctx context.Context, h *tar.Header, content io.Reader, t *tree) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return t.file(ctx, file{h.Name, h.Size, fs.FileMode(h.Mode & 0o777), h.ModTime}, content)
	case tar.TypeDir, typeDumpDir:
		return t.directory(h.Name)
	case tar.TypeSymlink:
		return t.symlink(h.Name, h.Linkname)
	case tar.TypeLink:
		return t.link(h.Name, h.Linkname)
	case tar.TypeXGlobalHeader, typeVolumeLabel:
		return nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return refuse(h.Name, "it is a device or a pipe; only files, directories and links are extracted")
	default:
		return refuse(h.Name, "it is of type %q; only files, directories and links are extracted", h.Typeflag)
	}
}

// A stream is a decompressed tar archive. It ends at a limit, and knows of its
// end what [tar.Reader] does not tell: that one takes an archive cut between two
// entries for a whole one, and what follows the end for none of its business.
type stream struct {
	r     io.Reader
	limit int64
	read  int64
	zeros int64 // bytes since the last that was not 0
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.read > s.limit {
		return 0, tooLarge(s.limit)
	}
	rest := bytes.TrimRight(p[:n], "\x00")
	if len(rest) > 0 {
		s.zeros = 0
	}
	s.zeros += int64(n - len(rest))
	return n, err
}

// end reads what follows the archive, whose last entry ended at last: at least a
// block of zeros, and nothing else.
func (s *stream) end(last int64) error {
	if min(s.zeros, s.read-last) < blockSize {
		return damaged(io.ErrUnexpectedEOF)
	}
	n, err := io.Copy(io.Discard, s)
	if err != nil {
		return bare(damaged(err))
	}
	if s.zeros < n {
		return fmt.Errorf("%w: something follows its end", ErrFormat)
	}
	return nil
}
