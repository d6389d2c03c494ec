package terminal

import "unicode/utf8"

// Fit shortens names to width columns, one a character, so that they stay different: it cuts what they have in common
// before and behind the part in which they differ.
func Fit(names []string, width int) []string {
	prefix, suffix := common(names)
	fitted := make([]string, len(names))
	for i, name := range names {
		fitted[i] = name
		runes := []rune(name)
		if len(runes) > width {
			fitted[i] = fit(runes[:prefix], runes[prefix:len(runes)-suffix], runes[len(runes)-suffix:], width)
		}
	}
	return fitted
}

// common returns how many characters all names have in common at their begin and at their end. A single name differs
// from no other: its middle counts as common.
func common(names []string) (prefix, suffix int) {
	shortest := -1
	for _, name := range names {
		if n := utf8.RuneCountInString(name); shortest < 0 || n < shortest {
			shortest = n
		}
	}
	if len(names) == 0 {
		return 0, 0
	}
	first := []rune(names[0])
	prefix, suffix = shortest, shortest
	for _, name := range names[1:] {
		runes := []rune(name)
		n := 0
		for n < prefix && runes[n] == first[n] {
			n++
		}
		prefix = n
		n = 0
		for n < suffix && runes[len(runes)-1-n] == first[len(first)-1-n] {
			n++
		}
		suffix = n
	}
	if prefix+suffix > shortest {
		suffix = shortest - prefix
	}
	return prefix, suffix
}

// fit keeps the middle, and of head and tail as much as there is room for. What is too long even so, it cuts in the
// middle.
func fit(head, middle, tail []rune, width int) string {
	room := width - len(middle) - 2 // for two ellipses
	if room < 0 || len(middle) == 0 {
		return cutMiddle(append(append(append([]rune{}, head...), middle...), tail...), width)
	}
	keepTail := min(len(tail), room/2)
	keepHead := min(len(head), room-keepTail)
	return shorten(head, keepHead, true) + string(middle) + shorten(tail, keepTail, false)
}

// shorten keeps n characters of the begin or of the end, and marks what it cut.
func shorten(runes []rune, n int, begin bool) string {
	switch {
	case n >= len(runes):
		return string(runes)
	case begin:
		return string(runes[:n]) + "…"
	default:
		return "…" + string(runes[len(runes)-n:])
	}
}

func cutMiddle(runes []rune, width int) string {
	tail := width / 2
	return string(runes[:width-1-tail]) + "…" + string(runes[len(runes)-tail:])
}
