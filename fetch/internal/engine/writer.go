package engine

import (
	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
)

// A writer gathers bytes and writes them to the partial file.
type writer struct {
	*download
	buffer []byte
	off    int64 // in the file, of the buffer
	n      int   // bytes in it

	sumOf int64 // the piece that sum is of, from its first byte to summed
	sum   uint32
	next  int64 // the byte after those in sum
}

// flush writes the buffer, journals the pieces that are complete with it and hands
// it to the hash.
func (w *writer) flush() error {
	if w.n == 0 {
		return nil
	}
	b := w.buffer[:w.n]
	if err := w.part.WriteAt(b, w.off); err != nil {
		return err
	}
	known := w.checksums(b)
	pieces, ordered := w.ranges.wrote(span.Span{Start: w.off, End: w.off + int64(w.n)})
	if err := w.note(pieces, known); err != nil {
		return err
	}
	if ordered && w.verify.offer(w.off, b) {
		w.buffer = w.Engine.buffer(w.ranges.size.Load())
	} else if len(pieces) > 0 || ordered {
		w.verify.look()
	}
	w.n = 0
	return nil
}

// note puts pieces into the journal.
func (w *writer) note(pieces []int64, known map[int64]uint32) error {
	if !w.part.Journalled() {
		return nil
	}
	for _, u := range pieces {
		crc, ok := known[u]
		if !ok { // two workers wrote it
			var err error
			if crc, err = w.part.ChecksumOf(w.ranges.pieceSpan(u)); err != nil {
				return err
			}
		}
		if err := w.part.Note(u, crc); err != nil {
			return err
		}
	}
	return nil
}

// checksums returns the CRC-32C of the pieces that end in b and of which this
// writer has written all.
func (w *writer) checksums(b []byte) map[int64]uint32 {
	known := map[int64]uint32{}
	for off := w.off; len(b) > 0; {
		n := int(min(int64(len(b)), piece-off%piece))
		u := off / piece
		if off%piece == 0 {
			w.sumOf, w.sum, w.next = u, 0, off
		}
		if w.sumOf == u && w.next == off {
			w.sum, w.next = store.UpdateChecksum(w.sum, b[:n]), off+int64(n)
			if w.next == w.ranges.pieceSpan(u).End {
				known[u] = w.sum
			}
		}
		off, b = off+int64(n), b[n:]
	}
	return known
}
