package engine

import (
	"context"
	"encoding"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// A verifier hashes a file from its first byte on, as the bytes come: those that
// come in order from the buffer they were received into, the others from the page
// cache. Pieces of earlier runs are checked first: nobody knows what happened to
// them meanwhile.
type verifier struct {
	part    *store.Partial
	ranges  *ranges
	hashes  hashes
	main    string           // of the algorithms
	earlier map[int64]uint32 // CRC-32C of pieces of earlier runs, not checked yet
	bad     int              // pieces of earlier runs that were wrong

	buffer []byte // of a piece; nil until something is read from the file

	fresh chan block
	kick  chan struct{}
	free  func([]byte)
	off   int64
	saved int64 // bytes that the last state in the journal is of
}

// A block is received bytes, in a buffer that is the verifier's.
type block struct {
	off int64
	b   []byte
}

// stateEvery is the distance between two states of the hash in the journal.
const stateEvery = 256 * piece

func newVerifier(part *store.Partial, r *ranges, algorithms []string, free func([]byte)) *verifier {
	return &verifier{
		part: part, ranges: r, hashes: newHashes(algorithms), main: algorithms[0],
		fresh: make(chan block, 4), kick: make(chan struct{}, 1), free: free,
	}
}

// offer gives the verifier a buffer, if it is not behind.
func (v *verifier) offer(off int64, b []byte) (taken bool) {
	select {
	case v.fresh <- block{off, b}:
		return true
	default:
		v.look()
		return false
	}
}

// look wakes the verifier when more bytes are present.
func (v *verifier) look() {
	select {
	case v.kick <- struct{}{}:
	default:
	}
}

// run returns when all bytes are hashed.
func (v *verifier) run(ctx context.Context) error {
	for {
		for v.off < v.ranges.prefix() {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if err := v.step(); err != nil {
				return err
			}
		}
		if n, all := v.ranges.done(); all && v.off == n {
			return nil
		}
		select {
		case b := <-v.fresh:
			if err := v.hashBlock(b); err != nil {
				return err
			}
		case <-v.kick:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (v *verifier) allocate() {
	if v.buffer == nil {
		v.buffer = make([]byte, v.ranges.piece(0).Len())
	}
}

// step hashes the next bytes.
func (v *verifier) step() error {
	select {
	case b := <-v.fresh:
		return v.hashBlock(b)
	default:
		return v.readUntil(v.ranges.prefix(), true)
	}
}

// hashBlock hashes a block, and what comes before it.
func (v *verifier) hashBlock(b block) error {
	defer v.free(b.b)
	if b.off < v.off || b.off > v.ranges.prefix() { // not what is next: a piece before it was dropped
		return nil
	}
	if err := v.readUntil(b.off, false); err != nil || v.off != b.off {
		return err
	}
	return v.write(b.b)
}

// readUntil hashes bytes of the file before end, or with once the first of them.
func (v *verifier) readUntil(end int64, once bool) error {
	v.allocate()
	for v.off < end {
		n := min(int64(len(v.buffer)), end-v.off, piece-v.off%piece)
		u := v.off / piece
		crc, known := v.earlier[u]
		if known {
			n = v.ranges.piece(u).End - v.off // a whole piece: those of earlier runs begin where one begins
		}
		b := v.buffer[:n]
		if err := v.part.ReadAt(b, v.off); err != nil {
			return err
		}
		if known && store.Checksum(b) != crc {
			return v.recheck() // where one is wrong, others may be
		}
		delete(v.earlier, u)
		if err := v.write(b); err != nil || once {
			return err
		}
	}
	return nil
}

// recheck drops all pieces of earlier runs that are wrong.
func (v *verifier) recheck() error {
	v.allocate()
	for u, crc := range v.earlier {
		b := v.buffer[:v.ranges.piece(u).Len()]
		if err := v.part.ReadAt(b, u*piece); err != nil {
			return err
		}
		if store.Checksum(b) != crc {
			v.bad++
			v.ranges.drop(v.ranges.piece(u))
			delete(v.earlier, u)
		}
	}
	return nil
}

func (v *verifier) write(b []byte) error {
	v.hashes.write(b)
	v.off += int64(len(b))
	v.ranges.hashed(v.off)
	v.part.Behind(v.off)
	if v.off%piece == 0 && v.off-v.saved >= stateEvery {
		return v.save()
	}
	return nil
}

// save puts the state of the hash into the journal, if it is one that can be.
func (v *verifier) save() error {
	v.saved = v.off
	m, ok := v.hashes[v.main].(encoding.BinaryMarshaler)
	if !ok || len(v.hashes) > 1 || !v.part.Journalled() {
		return nil
	}
	state, _ := m.MarshalBinary() // none: the next run hashes from the start
	return v.part.SaveState(v.off, state)
}

// resume continues the hash of an earlier run. Its state counts only if all bytes are still
// those that it was computed from. Their checksums show that much faster than hashing them
// again.
func (v *verifier) resume(ctx context.Context, r *store.Record) error {
	v.earlier = r.Pieces
	m, ok := v.hashes[v.main].(encoding.BinaryUnmarshaler)
	if !ok || len(v.hashes) > 1 || r.State == nil || r.Have().Prefix() < r.Hashed {
		return nil
	}
	v.allocate()
	for u := range r.Hashed / piece {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := v.part.ReadAt(v.buffer, u*piece); err != nil {
			return err
		}
		if store.Checksum(v.buffer) != r.Pieces[u] {
			return v.recheck()
		}
	}
	if m.UnmarshalBinary(r.State) != nil {
		v.hashes[v.main] = source.NewHash(v.main)
		return nil //nolint:nilerr // the hash starts at the first byte
	}
	for u := range r.Hashed / piece {
		delete(v.earlier, u)
	}
	v.off, v.saved = r.Hashed, r.Hashed
	v.ranges.hashed(v.off)
	return nil
}
