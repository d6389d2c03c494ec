package probe

import (
	"errors"
	"strconv"
	"strings"
)

// A statusSet is a list of status codes, as ranges.
type statusSet [][2]int

// parseStatus reads a list such as 204 or 200-299,401.
func parseStatus(s string) (statusSet, error) {
	var set statusSet
	for part := range strings.SplitSeq(s, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 != nil || err2 != nil || from < 100 || to > 599 || from > to {
			return nil, errors.New(`not a list of status codes such as 204 or 200-299,401`)
		}
		set = append(set, [2]int{from, to})
	}
	return set, nil
}

func (s statusSet) has(code int) bool {
	for _, r := range s {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}

// String returns the list as parseStatus reads it.
func (s statusSet) String() string {
	var parts []string
	for _, r := range s {
		part := strconv.Itoa(r[0])
		if r[1] != r[0] {
			part += "-" + strconv.Itoa(r[1])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}
