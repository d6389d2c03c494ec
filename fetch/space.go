package fetch

import (
	"fmt"

	"github.com/inith/inith/internal/bytesize"
)

// enoughSpace tells before the transfer, not at its end, that the volume is too
// small, or the memory that it is made of, or the Pod's limit.
func (a *attempt) enoughSpace(o object, record *record) error {
	if o.Size <= 0 {
		return nil
	}
	needed := o.Size
	if record != nil {
		needed -= allocated(record.part)
	}
	free, memory, ok := space(a.place.folder)
	switch {
	case ok && needed > free:
		return tooSmall(needed, free, "free on the volume", "a larger volume or sizeLimit, or remove what is not needed")
	case ok && memory && a.fetcher.MemoryLimit > 0 && needed > a.fetcher.MemoryFree:
		return tooSmall(needed, a.fetcher.MemoryFree, "of memory left, and the volume is memory (emptyDir with medium: Memory)",
			"raise the memory limit of the container, or use a volume on a disk")
	}
	left := a.fetcher.reserve(needed - a.reserved)
	a.reserved = needed
	if left < 0 {
		return tooSmall(needed, needed+left, "of ephemeral storage left", "raise limits.ephemeral-storage, or use a volume of its own")
	}
	return nil
}

// reserve takes n bytes more from what all transfers together may write, and returns
// what is left of it. It is not counted where there is no limit.
func (f *Fetcher) reserve(n int64) (left int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.DiskLimit <= 0 {
		return 0
	}
	f.reserved += n
	return f.DiskLimit - f.reserved
}

func tooSmall(needed, free int64, what, hint string) error {
	return refusal(fmt.Sprintf("needs %s, and there are %s %s", bytesize.Text(needed), bytesize.Text(max(0, free)), what), hint, nil)
}
