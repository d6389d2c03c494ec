// Package span has sets of byte ranges: what a partial file has, and what is missing.
package span

import (
	"cmp"
	"slices"
)

// A Span is the bytes from Start to before End.
type Span struct{ Start, End int64 }

// Len returns the number of bytes.
func (s Span) Len() int64 { return s.End - s.Start }

// A Set is a set of bytes: sorted, disjoint, with gaps between its spans.
type Set []Span

// Prefix returns how many bytes from the first on are in s.
func (s Set) Prefix() int64 {
	if len(s) == 0 || s[0].Start > 0 {
		return 0
	}
	return s[0].End
}

// Total returns the number of bytes in s.
func (s Set) Total() int64 {
	var n int64
	for _, x := range s {
		n += x.Len()
	}
	return n
}

// Add returns the union of s and x.
func (s Set) Add(x Span) Set {
	if x.Start >= x.End {
		return s
	}
	i := s.search(x.Start)
	j := i
	for ; j < len(s) && s[j].Start <= x.End; j++ {
		x = Span{min(x.Start, s[j].Start), max(x.End, s[j].End)}
	}
	return slices.Replace(s, i, j, x)
}

// Remove returns s without the bytes of x.
func (s Set) Remove(x Span) Set {
	if x.Start >= x.End {
		return s
	}
	var left Set
	for _, a := range s {
		if before := (Span{a.Start, min(a.End, x.Start)}); before.Len() > 0 {
			left = append(left, before)
		}
		if after := (Span{max(a.Start, x.End), a.End}); after.Len() > 0 {
			left = append(left, after)
		}
	}
	return left
}

// Contains reports whether all bytes of x are in s.
func (s Set) Contains(x Span) bool {
	i := s.search(x.End)
	return i < len(s) && s[i].Start <= x.Start
}

// Gaps returns the bytes before size that are not in s.
func (s Set) Gaps(size int64) Set {
	left := Set{}.Add(Span{0, size})
	for _, x := range s {
		left = left.Remove(x)
	}
	return left
}

// search returns the first span that ends at off or later.
func (s Set) search(off int64) int {
	i, _ := slices.BinarySearchFunc(s, off, func(a Span, off int64) int { return cmp.Compare(a.End, off) })
	return i
}
