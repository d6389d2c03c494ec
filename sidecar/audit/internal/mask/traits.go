package mask

// A trait is something that a string has and that a detector wants: most strings have few of them, so that one look at each
// byte is all that most strings cost.
type trait uint16

// The traits. Those up to keyByte are traits of a byte too.
const (
	hasColon trait = 1 << iota
	hasQuote
	hasEquals
	hasAt
	hasDash
	hasB // or b
	digit
	keyByte   // of an API key, as the pattern has them
	hasLong   // minKey such bytes in a row
	hasDigits // as many as a card has, in all
)

// minKey is the length of the shortest API key, of Slack.
const minKey = 15

// traits returns those of each byte.
func traits() [256]trait {
	var all [256]trait
	for c, t := range map[byte]trait{':': hasColon, '"': hasQuote, '=': hasEquals, '@': hasAt, '-': hasDash | keyByte, '_': keyByte, '.': keyByte} {
		all[c] = t
	}
	for c := range 26 {
		all['a'+c], all['A'+c] = keyByte, keyByte
	}
	for c := range 10 {
		all['0'+c] = keyByte | digit
	}
	all['b'] |= hasB
	all['B'] |= hasB
	return all
}

// traitsOf returns what a string has.
func (m *Masker) traitsOf(s string) trait {
	var all trait
	run, digits := 0, 0
	for i := range len(s) {
		t := m.traits[s[i]]
		all |= t
		if t&keyByte == 0 {
			run = 0
			continue
		}
		if run++; run == minKey {
			all |= hasLong
		}
		if t&digit != 0 {
			digits++
		}
	}
	if digits >= minCard {
		all |= hasDigits
	}
	return all
}
