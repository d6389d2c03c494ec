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
	free, memory, ok := space(d.parent)
	switch {
	case ok && needed > free:
		return tooSmall(needed, free, "free on the volume", "a larger volume or sizeLimit, or remove what is not needed")
	case ok && memory && d.store.MemoryLimit > 0 && needed > d.store.MemoryFree:
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
