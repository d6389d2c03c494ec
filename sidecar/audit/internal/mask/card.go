package mask

import "strings"

// The number of digits of a payment card. https://en.wikipedia.org/wiki/Payment_card_number
const (
	minCard = 13
	maxCard = 19
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cards masks the numbers of cards: groups of digits with at most one space or dash between two.
func (p *Pass) cards(s string) string {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		end := cardAt(s, i)
		if end == 0 {
			for i < len(s) && isDigit(s[i]) { // to the next group
				i++
			}
			continue
		}
		b.WriteString(s[last:i])
		b.WriteString(p.mark("card"))
		i, last = end, end
	}
	return b.String() + s[last:]
}

// cardAt returns where a card ends that begins at a group of digits, zero if there is none.
func cardAt(s string, begin int) int {
	if s[begin] < '2' || s[begin] > '6' {
		return 0
	}
	end := 0
	var digits []byte
	for i := begin; i < len(s) && len(digits) <= maxCard; i++ {
		switch {
		case isDigit(s[i]):
			digits = append(digits, s[i]-'0')
			groupEnds := i+1 == len(s) || !isDigit(s[i+1])
			if groupEnds && minCard <= len(digits) && len(digits) <= maxCard && luhn(digits) {
				end = i + 1
			}
		case s[i] != ' ' && s[i] != '-' || i+1 == len(s) || !isDigit(s[i+1]):
			return end
		}
	}
	return end
}

// luhn reports whether the last digit is the check digit of the others.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
