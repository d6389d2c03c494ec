package store

import (
	"fmt"

	"github.com/inith/inith/internal/bytesize"
)

// EnoughSpace tells before the transfer, not at its end, that the volume is too small,
// or the memory that it is made of, or the Pod's limit. The record is of what is there
// already, nil for nothing.
func (d *Destination) EnoughSpace(size int64, r *Record) error {
	if size <= 0 || d.parent == nil {
		return nil
	}
	needed := size - d.allocated(r)
	if d.room != nil {
		if err := d.room(size, needed); err != nil {
			return err
		}
	}
	free, _, ok := space(d.parent)
	if ok && needed > free {
		return tooSmall(needed, free, "free on the volume", "a larger volume or sizeLimit, or remove what is not needed")
	}
	return d.withinLimits(needed)
}

// Grow is EnoughSpace for a file whose size is not known, again and again as it grows to size.
func (d *Destination) Grow(size int64) error {
	if d.parent == nil {
		return nil
	}
	if free, _, ok := space(d.parent); ok && free < Piece {
		return tooSmall(size, free, "free on the volume", "a larger volume or sizeLimit, or remove what is not needed")
	}
	return d.withinLimits(size)
}

// withinLimits compares what is needed with the limits of memory and disk.
func (d *Destination) withinLimits(needed int64) error {
	if d.stage != nil {
		return nil // they were compared with what all files of the directory need
	}
	if _, memory, ok := space(d.parent); ok && memory && d.store.MemoryLimit > 0 && needed > d.store.MemoryFree {
		return tooSmall(needed, d.store.MemoryFree, "of memory left, and the volume is memory (emptyDir with medium: Memory)",
			"raise the memory limit of the container, or use a volume on a disk")
	}
	left := d.store.reserve(needed - d.reserved)
	d.reserved = needed
	if left < 0 {
		return tooSmall(needed, needed+left, "of ephemeral storage left", "raise limits.ephemeral-storage, or use a volume of its own")
	}
	return nil
}

// reserve takes n bytes more from what all transfers together may write, and returns
// what is left of it. It is not counted where there is no limit.
func (s *Store) reserve(n int64) (left int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.DiskLimit <= 0 {
		return 0
	}
	s.reserved += n
	return s.DiskLimit - s.reserved
}

func tooSmall(needed, free int64, what, hint string) error {
	return Refusal(fmt.Sprintf("needs %s, and there are %s %s", bytesize.Text(needed), bytesize.Text(max(0, free)), what), hint, nil)
}
