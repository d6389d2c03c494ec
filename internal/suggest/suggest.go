// Package suggest finds what was meant by a mistyped word.
package suggest

import "fmt"

// DidYouMean returns ` (did you mean "x"?)` with the word of known that is
// nearest to typed, or "" if none is near.
func DidYouMean(typed string, known []string) string {
	best := Near(typed, known, max(1, len(typed)/3))
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// Near returns the word of known that is nearest to typed, "" if none is within the distance.
func Near(typed string, known []string, within int) string {
	best, least := "", within+1
	for _, word := range known {
		d := distance(typed, word)
		if d < least {
			best, least = word, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: the insertions, deletions,
// replacements and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	twoBack := make([]int, len(b)+1)
	back := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range back {
		back[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(back[j]+cost, back[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], twoBack[j-1]+1)
			}
		}
		twoBack, back, row = back, row, twoBack
	}
	return back[len(b)]
}
