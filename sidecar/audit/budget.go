package audit

import "sync/atomic"

// A budget is the memory that the bodies of all exchanges share.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take reserves bytes, and reports whether there are so many left.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }
